//! The page of what was measured.

use std::fmt::Write as _;

use anyhow::Context as _;

use super::{
    super::figures::{self, Spread},
    Turn,
    capturer::MODES,
};

/// What was measured, and where.
pub(super) struct Report {
    rows: Vec<Row>,
    place: String,
    turns: usize,
}

struct Row {
    name: &'static str,
    packet: Spread,
    more: Spread,
    capturer: Spread,
    programs: Spread,
}

impl Report {
    /// Of the turns of each way.
    ///
    /// # Errors
    /// The machine does not say what it is.
    pub(super) fn of(turns: &[Vec<Turn>]) -> anyhow::Result<Self> {
        let off = turns.get(1).context("there is nothing to compare with")?;
        let rows = MODES.iter().zip(turns).map(|(mode, own)| Row {
            name: mode.name,
            packet: Spread::of(own.iter().map(|turn| turn.packet.cast_signed())),
            more: Spread::of(
                own.iter()
                    .zip(off)
                    .map(|(turn, off)| turn.packet.cast_signed() - off.packet.cast_signed()),
            ),
            capturer: Spread::of(own.iter().map(|turn| turn.capturer.cast_signed())),
            programs: Spread::of(own.iter().map(|turn| turn.programs.cast_signed())),
        });
        Ok(Self {
            rows: rows.collect(),
            place: figures::place()?,
            turns: off.len(),
        })
    }

    /// The page.
    pub(super) fn page(&self) -> String {
        let mut page = String::from(HEAD);
        for row in &self.rows {
            let _infallible = writeln!(
                page,
                "| {} | {} | {} | {} | {} |",
                row.name,
                row.packet.shown(),
                row.more.shown(),
                row.capturer.shown(),
                row.programs.shown(),
            );
        }
        let _infallible = writeln!(
            page,
            "\nMeasured on {}; {} turns of each way.",
            self.place, self.turns
        );
        page
    }
}

const HEAD: &str = "\
# What a capture costs a packet that is neither FIN nor RST

`cargo xtask bench wire --write docs/benchmarks/wire.md` measures it again.

One thread plays ping-pong with itself over loopback: a byte of TCP there, one back, so the sender's and
the receiver's stack and both sides of the device run on its account, and no wake-up is measured. Every
packet is seen twice by every capture, as it leaves and as it comes in. The ways take turns; *more* is
the difference to `--wire off` in the same turn. *Capturer* is what the capturing process itself ran
meanwhile, on another processor: for finrst its ticks, which do not grow with the packets. Nanoseconds a
packet: the median of the turns, and the quartiles. *Programs* is the kernel's count of both programs
(`BPF_ENABLE_STATS`) in a run of its own, its looks at the clock included.

| beside the packets runs | a packet takes | more than off | capturer | programs |
|---|---|---|---|---|
";
