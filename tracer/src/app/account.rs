//! The counters of the kernel half and of the capture, as the account of a run wants them.

use std::io;

use tracer_common::event::Kind;

use super::{captures::Captures, clocks::Clocks};
use crate::{
    enrich::clock,
    probe::session::Session,
    tally::{Account, PerKind},
};

/// Reads the account as it stands, but for the sockets a filter forgot: to count those takes a walk
/// of its table.
///
/// # Errors
///
/// The counters cannot be read.
pub(super) fn read(
    session: &Session,
    capture: &mut Captures,
    clocks: &Clocks,
) -> io::Result<Account> {
    let captured = capture.counts()?.or(session.captured()?);
    let counts = session.counts()?;
    Ok(Account {
        emitted: per_kind(|kind| counts.emitted(kind)),
        lost: per_kind(|kind| counts.lost(kind)),
        missed: session.missed(),
        forgotten: 0,
        captured,
        clocks: Some(clocks.told()),
        at: clock::now(),
    })
}

/// Reads the last account of a run, with everything in it.
///
/// # Errors
///
/// The counters cannot be read.
pub(super) fn last(
    session: &Session,
    capture: &mut Captures,
    clocks: &Clocks,
) -> io::Result<Account> {
    Ok(Account {
        forgotten: session.forgotten()?,
        ..read(session, capture, clocks)?
    })
}

fn per_kind(count: impl Fn(Kind) -> u64) -> PerKind {
    let mut counts = PerKind::default();
    for kind in Kind::ALL {
        counts.set(kind, count(kind));
    }
    counts
}
