//! The wall clock is set in the middle of a run: segments are joined all the same, and it is told.
//!
//! Only in guests of ours: the clock of the machine underneath is not ours to set.

use std::{process::Command, time::Duration};

use anyhow::{Context as _, ensure};
use nix::{
    sys::time::{TimeSpec, TimeValLike as _},
    time::{ClockId, clock_gettime, clock_settime},
};

use super::{
    Lab, Test, played, recording,
    told::Clock,
    wire::{joined, storm},
};
use crate::{scene::storm::Storm, shell};

/// The tests, by name; for guests only.
pub(crate) const GUEST: &[(&str, Test)] = &[
    ("clock/set_an_hour_forward", |lab| set(lab, 3_600_000)),
    ("clock/set_an_hour_back", |lab| set(lab, -3_600_000)),
    ("clock/set_50_ms_forward", |lab| set(lab, 50)),
    ("clock/set_3_ms_back", |lab| set(lab, -3)),
    ("clock/slewed", slewed),
    ("clock/same_bytes_when_set", same_bytes),
];

/// How long a guest may take from reading its clock to setting it, in milliseconds.
const HALT_MS: i64 = 40;

/// Sets the wall clock.
fn set_by(lab: &Lab, milliseconds: i64) -> anyhow::Result<()> {
    ensure!(lab.guest, "this clock is not ours to set");
    let now = clock_gettime(ClockId::CLOCK_REALTIME)?;
    let then = now + TimeSpec::milliseconds(milliseconds);
    clock_settime(ClockId::CLOCK_REALTIME, then).context("the clock cannot be set")
}

/// A storm, and in the middle of it the clock is set.
fn set(lab: &Lab, milliseconds: i64) -> anyhow::Result<()> {
    let (storm, ended) = storm(lab, "afpacket", || set_by(lab, milliseconds))?;
    joined(lab, &storm, &ended)?;
    let summary = ended.summary.context("there is no summary")?;
    let Clock {
        steps,
        largest_step_ns,
        ..
    } = summary.clock.context("nothing is told of the clocks")?;
    let told = largest_step_ns / 1_000_000;
    ensure!(
        steps == 1 && (milliseconds - HALT_MS..=milliseconds).contains(&told),
        "{steps} steps of {told} ms at most are told"
    );
    ensure!(
        ended.talk.contains("the wall clock was set"),
        "nothing is said: {}",
        ended.talk
    );
    let untimed = summary.capture.map_or(0, |it| it.untimed);
    // Moments an hour apart are never taken for each other.
    ensure!(
        milliseconds.abs() < 1_000 || untimed == 0,
        "{untimed} segments have no time"
    );
    Ok(())
}

/// A storm, and in the middle of it the clocks go faster by a twentieth: both of them.
fn slewed(lab: &Lab) -> anyhow::Result<()> {
    ensure!(lab.guest, "this clock is not ours to slew");
    let tick = |microseconds: &str| {
        let mut adjust = Command::new("adjtimex");
        shell::read(adjust.args(["-q", "-t", microseconds])).map(drop)
    };
    let played = storm(lab, "afpacket", || tick("10500"));
    tick("10000")?;
    let (storm, ended) = played?;
    joined(lab, &storm, &ended)?;
    let summary = ended.summary.context("there is no summary")?;
    let clock = summary.clock.context("nothing is told of the clocks")?;
    let untimed = summary.capture.map_or(0, |it| it.untimed);
    ensure!(
        clock.steps == 0 && untimed == 0,
        "{untimed} segments have no time: {clock:?}"
    );
    Ok(())
}

/// What a recording of a run tells in the middle of which the clock was set.
fn same_bytes(lab: &Lab) -> anyhow::Result<()> {
    recording::same_bytes(lab, &["--wire", "afpacket"], &[], || {
        for milliseconds in [-3_600_000, 5_000] {
            let _storm: Storm = played::play("storm", &["--connections", "50"])?;
            std::thread::sleep(lab.patience(Duration::from_millis(100)));
            set_by(lab, milliseconds)?;
        }
        let _storm: Storm = played::play("storm", &["--connections", "50"])?;
        Ok(())
    })
}
