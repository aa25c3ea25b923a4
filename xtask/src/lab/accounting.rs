//! Under a storm: nothing vanishes uncounted, and with the usual buffers nothing is lost.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;

use super::{
    Lab, Test, played, scenes,
    told::Ending,
    tracer::{Ended, Tracer},
};
use crate::scene::storm::Storm;

/// Connections of the storm that must not lose anything.
const WHOLE: u32 = 5_000;

/// Connections of the storm that must overflow a tiny buffer.
const OVERFLOWING: u32 = 1_000;

/// The tests, by name.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("account/perf_storm_whole", perf_whole),
    ("account/ringbuf_storm_whole", ringbuf_whole),
    ("account/perf_storm_overflows", perf_overflows),
    ("account/ringbuf_storm_overflows", ringbuf_overflows),
];

/// The perf buffer with its default size.
fn perf_whole(lab: &Lab) -> anyhow::Result<()> {
    whole(lab, "perf")
}

/// The BPF ring buffer with its default size.
fn ringbuf_whole(lab: &Lab) -> anyhow::Result<()> {
    whole(lab, "ringbuf")
}

/// The perf buffer, two pages of it.
fn perf_overflows(lab: &Lab) -> anyhow::Result<()> {
    overflows(lab, "perf")
}

/// The BPF ring buffer, two pages of it.
fn ringbuf_overflows(lab: &Lab) -> anyhow::Result<()> {
    overflows(lab, "ringbuf")
}

/// A tracer with these arguments, ready for a storm.
fn start(lab: &Lab, arguments: &[&str]) -> anyhow::Result<Tracer> {
    let arguments: Vec<_> = arguments.iter().map(|&it| it.to_owned()).collect();
    Tracer::start(lab.trace(&arguments), lab.patience(Duration::from_secs(20)))
}

/// A storm of as many connections, fewer on a slow machine.
fn storm(lab: &Lab, connections: u32) -> anyhow::Result<Storm> {
    let connections = (connections / lab.slow).max(200).to_string();
    played::play("storm", &["--connections", &connections])
}

/// How many endings a storm has: one for each end of each connection.
fn endings_of(storm: &Storm) -> usize {
    usize::try_from(storm.connections).map_or(usize::MAX, |connections| 2 * connections)
}

/// Nothing is lost and each end of each connection is told once.
fn whole(lab: &Lab, transport: &str) -> anyhow::Result<()> {
    let mut tracer = start(lab, &["--transport", transport])?;
    let storm = storm(lab, WHOLE)?;
    let expected = endings_of(&storm);
    // Long enough to settle; what has not been told by then is told on the interrupt.
    tracer.watch(Duration::from_secs(2), |endings| endings.len() >= expected)?;
    told_whole(&tracer.stop()?, &storm)
}

/// A finrst that has ended lost nothing and told each end of each connection of a storm once.
///
/// # Errors
/// It did not.
pub(super) fn told_whole(ended: &Ended, storm: &Storm) -> anyhow::Result<()> {
    ensure!(ended.status.success(), "it ended with {}", ended.status);
    let expected = endings_of(storm);
    scenes::accounted(ended.summary)?;
    let summary = ended.summary.context("there is no summary")?;
    ensure!(summary.lost == 0, "{} records were lost", summary.lost);
    // A guest short of CPU may let a second pass between two acts of one ending; what comes then
    // is told as the sequel it is.
    let told = ended.endings.iter().filter(|ending| {
        let ends = [ending.connection.local.port, ending.connection.remote.port];
        let ours = ends.contains(&storm.port) && !ends.contains(&0);
        let (id, after) = (&ending.connection.id, &ending.connection.after);
        ours && !ending.answers_for_nobody() && (after.is_none() || after != id)
    });
    let twice = told_twice(told.clone());
    let told = told.count();
    // A run of a hook the kernel skipped, and says so, may have been all there was of an ending.
    let missed = usize::try_from(summary.missed.unwrap_or(0))?;
    ensure!(
        told <= expected && told + missed >= expected,
        "{told} endings were told of {expected}, {missed} hook runs were skipped; twice: {twice:?}"
    );
    Ok(())
}

/// The endings of ends that were told of before.
fn told_twice<'told>(endings: impl Iterator<Item = &'told Ending>) -> Vec<&'told Ending> {
    let mut known = HashMap::new();
    let mut twice = Vec::new();
    for ending in endings {
        let ends = (ending.connection.local, ending.connection.remote);
        if let Some(first) = known.insert(ends, ending) {
            twice.extend([first, ending]);
        }
    }
    twice
}

/// Records are lost, and each of them is counted. The reader sleeps through the storm, so that it
/// does not depend on the machine how full the buffers get.
fn overflows(lab: &Lab, transport: &str) -> anyhow::Result<()> {
    let tracer = start(lab, &["--transport", transport, "--buffer-size", "8"])?;
    tracer.signal(Signal::SIGSTOP)?;
    let storm = storm(lab, OVERFLOWING);
    tracer.signal(Signal::SIGCONT)?;
    storm?;
    let ended = tracer.stop()?;
    scenes::accounted(ended.summary)?;
    let lost = ended.summary.context("there is no summary")?.lost;
    ensure!(lost > 0, "nothing was lost, so nothing was tested");
    Ok(())
}
