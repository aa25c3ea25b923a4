//! The kernel half's counters as the account of a run wants them.

use tracer_common::event::Kind;

use crate::{probe::counts::Counts, tally::PerKind};

/// What the hooks tried to send.
pub(super) fn emitted(counts: &Counts) -> PerKind {
    per_kind(|kind| counts.emitted(kind))
}

/// What found a buffer full.
pub(super) fn lost(counts: &Counts) -> PerKind {
    per_kind(|kind| counts.lost(kind))
}

fn per_kind(count: impl Fn(Kind) -> u64) -> PerKind {
    let mut counts = PerKind::default();
    for kind in Kind::ALL {
        counts.set(kind, count(kind));
    }
    counts
}
