//! The account of a run as text, and numbers with what they count.

use std::{
    fmt,
    io::{self, Write},
};

use super::clocks;
use crate::tally::{PerKind, Tally};

/// The account of a run in one line.
pub(in crate::render) fn account(tally: &Tally, out: &mut dyn Write) -> io::Result<()> {
    let endings = count(tally.endings, "ending");
    let events = count(tally.received_total(), "event");
    write!(
        out,
        "{endings}, {events} received, {} lost",
        tally.lost.total()
    )?;
    write!(out, "{}", by_kind(&tally.lost))?;
    let captured = tally.captured.unwrap_or_default();
    let unjoined = tally.unjoined_segments.unwrap_or_default();
    let rest = [
        (tally.missed.unwrap_or(0), "hook runs skipped by the kernel"),
        (tally.undecodable, "undecodable"),
        (tally.late, "late"),
        (tally.early, "used early"),
        (tally.filtered, "filtered"),
        (tally.evicted, "evicted"),
        (unjoined.total(), "unjoined segments"),
        (tally.hurried, "told before their segments were read"),
        (captured.dropped, "frames dropped"),
        (captured.unreadable, "frames unreadable"),
        (captured.untimed, "segments without a time"),
        (captured.left_out, "network namespaces not captured"),
        (captured.syns_left_out, "SYNs not looked at"),
    ];
    for (number, name) in rest.into_iter().filter(|it| it.0 != 0) {
        write!(out, ", {number} {name}")?;
        if name == "unjoined segments" {
            write!(out, "{}", listed(unjoined.named()))?;
        }
    }
    write!(out, "{}", clocks::told(tally.clocks.unwrap_or_default()))?;
    writeln!(out)
}

pub(super) fn count(number: u64, noun: &str) -> impl fmt::Display {
    fmt::from_fn(move |f| write!(f, "{number} {noun}{}", if number == 1 { "" } else { "s" }))
}

/// ` (10 state_changed, 2 rst_sent)`, or nothing when nothing was counted.
pub(super) fn by_kind(counts: &PerKind) -> impl fmt::Display {
    listed(counts.named())
}

/// ` (10 one, 2 other)`, without those that are zero.
fn listed(counts: impl Iterator<Item = (&'static str, u64)> + Clone) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        let mut open = false;
        for (name, count) in counts.clone().filter(|&(_, count)| count != 0) {
            write!(f, "{}{count} {name}", if open { ", " } else { " (" })?;
            open = true;
        }
        f.write_str(if open { ")" } else { "" })
    })
}
