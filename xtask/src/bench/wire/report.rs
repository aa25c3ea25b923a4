//! The page of what was measured.

use std::{fmt::Write as _, fs};

use anyhow::Context as _;

use super::{Turn, capturer::MODES};
use crate::shell;

/// What was measured, and where.
pub(super) struct Report {
    rows: Vec<Row>,
    machine: String,
    date: String,
    turns: usize,
}

/// Three quartiles of a number that was measured once a turn, in tenths.
#[derive(Clone, Copy)]
struct Spread([i64; 3]);

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
        let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
        let model = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name"));
        let model = model.map_or("a processor without a name", |it| {
            it.trim_matches([' ', '\t', ':'])
        });
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        let load = fs::read_to_string("/proc/loadavg")?;
        let load = load.split(' ').next().unwrap_or("?");
        let count = cpuinfo
            .lines()
            .filter(|line| line.starts_with("processor"))
            .count();
        Ok(Self {
            rows: rows.collect(),
            machine: format!(
                "{count} × {model}, Linux {}, load average {load}",
                kernel.trim()
            ),
            date: shell::read(&mut shell::program("date", &["-u", "+%Y-%m-%d"]))?,
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
            "\nMeasured on {}: {}; {} turns of each way.",
            self.date.trim(),
            self.machine,
            self.turns
        );
        page
    }
}

impl Spread {
    fn of(numbers: impl Iterator<Item = i64>) -> Self {
        let mut numbers: Vec<_> = numbers.collect();
        numbers.sort_unstable();
        let at = |quarter: usize| {
            let place = (numbers.len().saturating_sub(1) * quarter + 2) / 4;
            numbers.get(place).copied().unwrap_or(0)
        };
        Self([at(1), at(2), at(3)])
    }

    /// The median, and the quartiles around it.
    fn shown(self) -> String {
        let [low, middle, high] = self.0;
        if self.0 == [0; 3] {
            return "–".to_owned();
        }
        let ns = |tenths: i64| {
            let sign = if tenths < 0 { "-" } else { "" };
            format!("{sign}{}.{}", tenths.abs() / 10, tenths.abs() % 10)
        };
        format!("**{}** ({} … {})", ns(middle), ns(low), ns(high))
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
