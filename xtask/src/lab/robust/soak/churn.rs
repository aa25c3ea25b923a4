//! Connections that come and go, and programs that are killed in the midst of them.

use std::{
    fs,
    process::{Child, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::super::chance::Chance;
use crate::lab::{Lab, clock::Deadline, played};

/// Connections of a storm at most; few enough that many storms are killed half way.
const CONNECTIONS: u64 = 1_500;

/// How long nothing happens between two storms, at most.
const PAUSE_MS: u64 = 150;

/// The latest moment at which somebody is killed: about the end of a storm of many.
const LATEST_MS: u64 = 300;

/// How the connections of a storm may end.
const MIXES: [&str; 4] = [
    "graceful",
    "graceful,reset",
    "graceful,late,reset,unread",
    "unread,reset",
];

/// What came and went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Churned {
    /// Connections of storms that came to their end.
    pub(crate) connections: u64,
    /// Those storms.
    pub(crate) storms: u64,
    /// Storms in which a program was killed.
    pub(crate) killed: u64,
}

/// Storms until it is over; when one fails, it is over.
pub(super) fn run(lab: &Lab, mut chance: Chance, over: &AtomicBool) -> anyhow::Result<Churned> {
    let mut churned = Churned::default();
    while !over.load(Ordering::Relaxed) {
        let outcome = storm(lab, &mut chance, &mut churned);
        if outcome.is_err() {
            over.store(true, Ordering::Relaxed);
            outcome.context("a storm")?;
        }
        thread::sleep(chance.moment(PAUSE_MS));
    }
    Ok(churned)
}

fn storm(lab: &Lab, chance: &mut Chance, churned: &mut Churned) -> anyhow::Result<()> {
    let connections = 1 + chance.below(CONNECTIONS);
    let mix = chance.one_of(&MIXES).context("no mix")?;
    let words = ["--connections", &connections.to_string(), "--mix", mix];
    let mut command = played::command("storm", &words)?;
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut director = Director(quiet.stderr(Stdio::null()).spawn()?);
    if chance.below(4) == 0 {
        thread::sleep(chance.moment(LATEST_MS));
        churned.killed += u64::from(director.kill_one(chance)?);
        return Ok(());
    }
    let deadline = Deadline::after(lab.patience(Duration::from_mins(2)));
    let status = loop {
        if let Some(status) = director.0.try_wait()? {
            break status;
        }
        ensure!(!deadline.left().is_zero(), "it does not end");
        thread::sleep(Duration::from_millis(5));
    };
    ensure!(status.success(), "it ended with {status}");
    churned.storms += 1;
    churned.connections += connections;
    Ok(())
}

/// The process that waits for a storm's server and client, which die with it.
struct Director(Child);

impl Director {
    /// Kills itself, the server or the client, at once, and lets the others see that for a moment.
    /// Says whether there was still one to kill.
    fn kill_one(&mut self, chance: &mut Chance) -> anyhow::Result<bool> {
        if self.0.try_wait()?.is_some() {
            return Ok(false);
        }
        let pid = self.0.id();
        // Nobody else waits for these, so their numbers are not given again as long as this one runs.
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        let mut all: Vec<i32> = vec![pid.cast_signed()];
        all.extend(
            children
                .split_whitespace()
                .filter_map(|it| it.parse::<i32>().ok()),
        );
        if let Some(&one) = chance.one_of(&all) {
            match kill(Pid::from_raw(one), Signal::SIGKILL) {
                // The director has waited for it meanwhile.
                Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        thread::sleep(chance.moment(50));
        Ok(true)
    }
}

impl Drop for Director {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}
