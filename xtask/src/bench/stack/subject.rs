//! The finrst that is measured: what it told, what it used, and how large it is.

use std::{cell::Cell, fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, ensure};
use nix::{
    time::{ClockId, clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};
use serde_json::Value;

use crate::{
    lab::{told::Ending, tracer::Tracer},
    scene::netns,
};

/// Not to say `--stack`.
const DEFAULT: &str = "default";
/// The choices of `--stack`, the fewest stacks first.
pub(super) const WAYS: [&str; 5] = ["none", DEFAULT, "kernel", "user", "both"];
/// How long a batch may take to be told.
const PATIENCE: Duration = Duration::from_mins(1);
/// The name of the thread that finds names.
const NAMES: &str = "finrst-symbols";

/// A finrst under way.
pub(super) struct Subject(Tracer);

/// Nanoseconds threads ran so far.
#[derive(Clone, Copy)]
pub(super) struct Used {
    /// All of them.
    pub(super) all: u64,
    /// The one that finds names.
    pub(super) names: u64,
}

/// What a process has in memory, in KiB.
#[derive(Clone, Copy)]
pub(super) struct Resident {
    /// What is its own.
    pub(super) own: u64,
    /// What is of mapped files, which the kernel takes back when it needs room.
    pub(super) files: u64,
}

/// What was told of the resets of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// Those with the name of what called the kernel.
    pub(super) named: u64,
    /// All of them.
    pub(super) resets: u64,
}

impl Subject {
    /// Starts it, with every ending of this network namespace told `settle` after its last act.
    ///
    /// # Errors
    /// It does not run.
    pub(super) fn start(finrst: &Path, way: &str, settle: &str) -> anyhow::Result<Self> {
        let netns = netns::inode()?.to_string();
        let mut command = Command::new(finrst);
        command.args(["trace", "-o", "json", "--netns", &netns, "--fail-on-loss"]);
        command.args(["--settle", settle]);
        if way != DEFAULT {
            command.args(["--stack", way]);
        }
        Ok(Self(Tracer::start(command, PATIENCE)?))
    }

    /// Its process.
    pub(super) fn pid(&self) -> Pid {
        self.0.pid()
    }

    /// Waits until both endings of so many connections are told, and forgets them.
    ///
    /// # Errors
    /// They are not.
    pub(super) fn told(&mut self, connections: u64) -> anyhow::Result<Told> {
        let wanted = usize::try_from(connections * 2)?;
        let all = self.0.watch(PATIENCE, |endings| endings.len() >= wanted)?;
        let endings = std::mem::take(&mut self.0.endings);
        ensure!(
            all && endings.len() == wanted,
            "{} endings instead of {wanted}",
            endings.len()
        );
        let resets = endings.iter().filter(|it| it.how == "rst_sent");
        Ok(resets.fold(Told::default(), |told, ending| Told {
            named: told.named + u64::from(is_named(ending)),
            resets: told.resets + 1,
        }))
    }

    /// Waits until the reset of a connection is told, and says how many nanoseconds after it that is.
    ///
    /// # Errors
    /// It is not.
    pub(super) fn delay(&mut self) -> anyhow::Result<u64> {
        let told = Cell::new(None);
        self.0.watch(PATIENCE, |endings| {
            let reset = endings.iter().find(|it| it.how == "rst_sent");
            if let (Some(reset), None) = (reset, told.get()) {
                let act = reset.acts.iter().find(|act| act.how == "rst_sent");
                told.set(
                    act.zip(nanoseconds(ClockId::CLOCK_MONOTONIC).ok())
                        .map(|(act, now)| now - act.mono_ns),
                );
            }
            endings.len() >= 2
        })?;
        self.0.endings.clear();
        told.get().context("no reset was told")
    }

    /// What it used so far.
    ///
    /// # Errors
    /// It has ended.
    pub(super) fn used(&self) -> anyhow::Result<Used> {
        let all = nanoseconds(clock_getcpuclockid(self.pid())?)?;
        let mut names = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid()))? {
            let thread = thread?.path();
            // Others may end between two looks.
            let comm = fs::read_to_string(thread.join("comm")).unwrap_or_default();
            if comm.trim() == NAMES {
                let text = fs::read_to_string(thread.join("schedstat"))?;
                names += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
            }
        }
        Ok(Used { all, names })
    }

    /// What it has in memory.
    ///
    /// # Errors
    /// It has ended.
    pub(super) fn resident(&self) -> anyhow::Result<Resident> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            let number = number.and_then(|number| number.parse::<u64>().ok());
            number.with_context(|| format!("no {name}"))
        };
        Ok(Resident {
            own: field("RssAnon:")?,
            files: field("RssFile:")? + field("RssShmem:")?,
        })
    }

    /// Ends it.
    ///
    /// # Errors
    /// It failed, or lost something.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        let ended = self.0.stop()?;
        ensure!(ended.status.success(), "finrst failed: {}", ended.talk);
        Ok(())
    }
}

/// Whether the program's innermost function has a name.
fn is_named(ending: &Ending) -> bool {
    let innermost = ending.stack.get("user").and_then(|user| user.get(0));
    let name = innermost.and_then(|frame| frame.get("function"));
    name.is_some_and(Value::is_string)
}

/// What a clock shows; that of the hooks is the monotonic one.
fn nanoseconds(clock: ClockId) -> anyhow::Result<u64> {
    let time = clock_gettime(clock)?;
    let (seconds, ns) = (time.tv_sec(), time.tv_nsec());
    Ok(seconds.cast_unsigned() * 1_000_000_000 + ns.cast_unsigned())
}
