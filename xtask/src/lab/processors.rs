//! A processor that was off when finrst started comes while it runs: what happens there is counted.
//!
//! Only in guests of ours: the processors of the machine underneath are not ours to turn off.

use std::{fs, time::Duration};

use anyhow::{Context as _, ensure};
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

use super::{Lab, Test, played, scenes, tracer::Tracer};
use crate::scene::storm::Storm;

/// The tests, by name; for guests only.
pub(crate) const GUEST: &[(&str, Test)] = &[
    ("account/perf_processor_comes", |lab| comes(lab, "perf")),
    ("account/ringbuf_processor_comes", |lab| {
        comes(lab, "ringbuf")
    }),
];

/// The processor that comes; the first one cannot go.
const LATER: usize = 1;

/// Turns it on or off.
fn turn(lab: &Lab, on: bool) -> anyhow::Result<()> {
    ensure!(lab.guest, "this processor is not ours to turn off");
    let file = format!("/sys/devices/system/cpu/cpu{LATER}/online");
    fs::write(&file, if on { "1" } else { "0" }).context(file)
}

/// Every record of a storm on the processor that came was received, or with perf buffers counted as
/// lost.
fn comes(lab: &Lab, transport: &str) -> anyhow::Result<()> {
    turn(lab, false)?;
    let arguments = ["--transport", transport].map(str::to_owned);
    let tracer = Tracer::start(lab.trace(&arguments), lab.patience(Duration::from_mins(1)));
    turn(lab, true)?;
    let tracer = tracer?;
    let storm = there(|| played::play("storm", &["--connections", "300"]))?;
    let storm: Storm = storm?;
    let ended = tracer.stop()?;
    ensure!(ended.status.success(), "it ended with {}", ended.status);
    let summary = scenes::balanced(ended.summary)?;
    // Perf buffers are of the processors there were; what happens on another is lost, and counted.
    ensure!(
        transport == "perf" || summary.received > summary.lost,
        "{} of {} records are lost",
        summary.lost,
        summary.emitted
    );
    let emitted = summary.emitted;
    // Of each end a state change at least, and that the kernel gave it up.
    let least = u64::from(storm.connections) * 4;
    ensure!(emitted >= least, "{emitted} records of {least} at least");
    Ok(())
}

/// Does something on the processor that came, and goes back to where this thread was.
fn there<T>(act: impl FnOnce() -> T) -> anyhow::Result<T> {
    let this = Pid::from_raw(0);
    let before = sched_getaffinity(this)?;
    let mut later = CpuSet::new();
    later.set(LATER)?;
    sched_setaffinity(this, &later)?;
    let told = act();
    sched_setaffinity(this, &before)?;
    Ok(told)
}
