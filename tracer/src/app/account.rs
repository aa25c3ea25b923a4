//! The kernel half's counters as the account of a run wants them.

use std::io;

use tracer_common::event::Kind;

use crate::{
    enrich::clock,
    probe::session::Session,
    tally::{Account, PerKind},
};

/// Reads the account as it stands.
///
/// # Errors
///
/// The counters cannot be read.
pub(super) fn read(session: &Session) -> io::Result<Account> {
    let counts = session.counts()?;
    Ok(Account {
        emitted: per_kind(|kind| counts.emitted(kind)),
        lost: per_kind(|kind| counts.lost(kind)),
        missed: session.missed(),
        forgotten: session.forgotten()?,
        at: clock::now(),
    })
}

fn per_kind(count: impl Fn(Kind) -> u64) -> PerKind {
    let mut counts = PerKind::default();
    for kind in Kind::ALL {
        counts.set(kind, count(kind));
    }
    counts
}
