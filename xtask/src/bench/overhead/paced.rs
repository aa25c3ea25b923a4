//! Connections at a rate: what wakes a reader costs more of the few.

use std::{thread, time::Duration};

use serde::Serialize;

use super::{
    Stage,
    watcher::Watcher,
    way::{JSON, ONE_LINERS, TCPLIFE, TCPSTATES, Way},
};
use crate::{
    bench::{churn::Manner, statistics},
    lab::clock::Deadline,
};

/// What is measured.
pub(super) const WAYS: [usize; 4] = [JSON, ONE_LINERS, TCPSTATES, TCPLIFE];
/// Connections a second.
pub(super) const RATES: [u64; 4] = [200, 1_000, 4_000, 10_000];
/// For how long.
const TIME: Duration = Duration::from_millis(1_500);
/// Connections between two looks at the clock.
const BATCH: u64 = 10;

/// One stretch of time.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Paced {
    /// Connections that were made in a second.
    pub(super) rate: u64,
    /// Nanoseconds of the watcher and its programs a connection, in tenths.
    pub(super) watched: u64,
}

/// Every way at every rate, not measured yet.
pub(super) fn cases() -> Vec<(usize, u64, Vec<Paced>)> {
    let each = WAYS
        .iter()
        .flat_map(|&way| RATES.iter().map(move |&rate| (way, rate)));
    each.map(|(way, rate)| (way, rate, Vec::new())).collect()
}

/// One turn of one way at one rate.
pub(super) fn of(stage: &Stage<'_>, way: &Way, rate: u64) -> anyhow::Result<Paced> {
    let Some(program) = way.program else {
        return Ok(Paced::default());
    };
    let watcher = Watcher::start(stage.finrst, program, stage.directory, stage.churn)?;
    let before = watcher.run_ns()?;
    let (programs, (count, time)) = statistics::during(watcher.pid(), || {
        let begun = Deadline::after(Duration::ZERO);
        let mut count = 0;
        while begun.elapsed() < TIME {
            stage.churn.connections(BATCH, Manner::Fin)?;
            count += BATCH;
            let due = Duration::from_nanos(count * 1_000_000_000 / rate);
            thread::sleep(due.saturating_sub(begun.elapsed()));
        }
        Ok((count, begun.elapsed()))
    })?;
    thread::sleep(Duration::from_millis(200));
    let own = watcher.run_ns()? - before;
    watcher.stop()?;
    let ran: u64 = programs.iter().map(|it| it.ns).sum();
    let ms = u64::try_from(time.as_millis())?.max(1);
    Ok(Paced {
        rate: count * 1_000 / ms,
        watched: (own + ran) * 10 / count,
    })
}
