//! Two finrsts at the same hooks: each tells everything, whatever becomes of the other.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;

use crate::{
    lab::{Lab, accounting, played, tracer::Tracer},
    scene::storm::Storm,
};

/// Connections of a storm.
const CONNECTIONS: &str = "1000";

/// A tracer with this transport.
fn start(lab: &Lab, transport: &str) -> anyhow::Result<Tracer> {
    let arguments = ["--transport", transport].map(str::to_owned);
    Tracer::start(lab.trace(&arguments), lab.patience(Duration::from_mins(1)))
}

fn storm() -> anyhow::Result<Storm> {
    played::play("storm", &["--connections", CONNECTIONS])
}

/// Both tell all of the first storm; the one that goes on tells all of the second too.
pub(super) fn two(lab: &Lab) -> anyhow::Result<()> {
    let (first, second) = (start(lab, "perf")?, start(lab, "ringbuf")?);
    let storms = storm()?;
    let first = first.stop()?;
    accounting::told_whole(&first, &storms).context("the one that ended first")?;
    let more = storm()?;
    let ended = second.stop()?;
    for storm in [storms, more] {
        accounting::told_whole(&ended, &storm).context("the one that went on")?;
    }
    let strange = first.endings.len() > ended.endings.len();
    ensure!(!strange, "the one that ended first told more");
    Ok(())
}

/// As above where the first has no time for goodbyes.
pub(super) fn one_killed(lab: &Lab) -> anyhow::Result<()> {
    let (first, second) = (start(lab, "perf")?, start(lab, "perf")?);
    let storms = storm()?;
    first.signal(Signal::SIGKILL)?;
    let more = storm()?;
    let killed = first.wait()?.status;
    ensure!(killed.code().is_none(), "it was not killed: {killed}");
    let ended = second.stop()?;
    for storm in [storms, more] {
        accounting::told_whole(&ended, &storm)?;
    }
    Ok(())
}
