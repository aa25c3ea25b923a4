//! As many connections as two processes can make and end on all processors.

use std::time::Duration;

use serde::Serialize;

use super::{
    Stage,
    watcher::Watcher,
    way::{IN_KERNEL, JSON, NO_STACKS, NOTHING, ONE_LINERS, TCPLIFE, TCPSTATES, TEXT, Way},
};
use crate::{
    lab::clock::Deadline,
    scene::storm::{self, Manner},
};

/// What is measured at it.
pub(super) const WAYS: [usize; 8] = [
    NOTHING, JSON, TEXT, NO_STACKS, IN_KERNEL, ONE_LINERS, TCPSTATES, TCPLIFE,
];

/// Connections of a storm.
pub(super) const CONNECTIONS: u32 = 20_000;

/// One storm.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Saturated {
    /// Nanoseconds from one connection to the next, in tenths.
    pub(super) connection: u64,
    /// Events the watcher says it did not see.
    pub(super) lost: u64,
}

/// One turn of one way.
pub(super) fn of(stage: &Stage<'_>, way: &Way) -> anyhow::Result<Saturated> {
    let start = |program| Watcher::start(stage.finrst, program, stage.directory, stage.churn);
    let watcher = way.program.map(start).transpose()?;
    if let Some(watcher) = &watcher {
        // It is to compete for every processor.
        crate::bench::go_anywhere(watcher.pid())?;
    }
    let here = nix::unistd::Pid::from_raw(0);
    crate::bench::go_anywhere(here)?;
    let begun = Deadline::after(Duration::ZERO);
    let mix = [Manner::Graceful, Manner::Reset];
    let played = storm::play(CONNECTIONS, 2, &mix, false);
    let ns = u64::try_from(begun.elapsed().as_nanos())?;
    crate::bench::stay()?;
    played?;
    Ok(Saturated {
        connection: ns * 10 / u64::from(CONNECTIONS),
        lost: watcher.map_or(Ok(0), |it| it.stop().map(|it| it.lost))?,
    })
}
