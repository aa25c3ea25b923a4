//! A program that watches connections, started anew for its turn.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};

use super::way::{OURS, Program};
use crate::{
    bench::{
        self,
        churn::{Churn, Manner},
        statistics,
    },
    lab::clock::Deadline,
};

/// How long one may take to attach.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whoever runs for less than [`AT_REST_NS`] in this time is at rest.
const REST: Duration = Duration::from_millis(200);

/// See [`REST`].
const AT_REST_NS: u64 = 4_000_000;

/// One that runs; what it prints goes to files in memory.
pub(super) struct Watcher {
    child: Child,
    program: Program,
    printed: PathBuf,
    talk: PathBuf,
    /// From its start until it counted.
    pub(super) started: Duration,
}

/// What it left.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Left {
    /// Events it says it did not see.
    pub(super) lost: u64,
    /// The most memory it had, KiB.
    pub(super) resident_kib: u64,
}

impl Watcher {
    /// Starts it, and waits until it sees connections.
    ///
    /// # Errors
    /// It is not there, ends or sees nothing.
    pub(super) fn start(
        finrst: &Path,
        program: Program,
        directory: &Path,
        churn: &Churn,
    ) -> anyhow::Result<Self> {
        let (name, arguments) = match program {
            Program::Finrst(arguments) => (finrst, arguments),
            Program::Peer(name, arguments) => (Path::new(name), arguments),
            Program::Tcpdump(arguments) => (Path::new("tcpdump"), arguments),
        };
        let (printed, talk) = (directory.join("printed"), directory.join("talk"));
        let mut command = Command::new(name);
        if matches!(program, Program::Tcpdump(_)) {
            command.args(["-i", "lo", "-n", "-Z", "root", "--immediate-mode"]);
        }
        let ours = std::process::id().to_string();
        let begun = Deadline::after(Duration::ZERO);
        let child = command
            .args(
                arguments
                    .iter()
                    .map(|it| if *it == OURS { &ours } else { *it }),
            )
            .stdin(Stdio::null())
            .stdout(File::create(&printed)?)
            .stderr(File::create(&talk)?)
            .spawn()
            .with_context(|| format!("there is no {}", name.display()))?;
        let mut watcher = Self {
            child,
            program,
            printed,
            talk,
            started: Duration::ZERO,
        };
        while !watcher.is_ready(churn)? {
            ensure!(
                begun.elapsed() < PATIENCE,
                "{} sees nothing",
                name.display()
            );
            if let Some(status) = watcher.child.try_wait()? {
                let said = fs::read_to_string(&watcher.talk)?;
                bail!("{} ended with {status}: {said}", name.display());
            }
        }
        watcher.started = begun.elapsed();
        // What comes with the start is not to be counted: looks at what is open, names of the kernel.
        for _ in 0..50 {
            let before = watcher.run_ns()?;
            thread::sleep(REST);
            if watcher.run_ns()? - before < AT_REST_NS {
                break;
            }
        }
        bench::leave_alone(watcher.pid())?;
        Ok(watcher)
    }

    /// Whether it sees connections by now.
    fn is_ready(&self, churn: &Churn) -> anyhow::Result<bool> {
        if matches!(self.program, Program::Tcpdump(_)) {
            thread::sleep(Duration::from_millis(20));
            return Ok(fs::read_to_string(&self.talk)?.contains("istening on"));
        }
        let two = || churn.connections(2, Manner::Fin);
        let (programs, _ns) = statistics::during(self.pid(), two)?;
        Ok(programs.iter().any(|it| it.runs > 0))
    }

    /// Its process.
    pub(super) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Nanoseconds its threads ran so far.
    ///
    /// # Errors
    /// It has ended.
    pub(super) fn run_ns(&self) -> anyhow::Result<u64> {
        let ran = clock_gettime(clock_getcpuclockid(self.pid())?)?;
        let (seconds, ns) = (ran.tv_sec().cast_unsigned(), ran.tv_nsec().cast_unsigned());
        Ok(seconds * 1_000_000_000 + ns)
    }

    /// Ends it.
    ///
    /// # Errors
    /// It cannot be ended.
    pub(super) fn stop(mut self) -> anyhow::Result<Left> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let most = most.and_then(|it| it.trim().strip_suffix(" kB"));
        kill(self.pid(), Signal::SIGINT)?;
        self.child.wait()?;
        Ok(Left {
            lost: self.lost()?,
            resident_kib: most.and_then(|it| it.parse().ok()).unwrap_or(0),
        })
    }

    /// What it says it lost, in its own words.
    fn lost(&self) -> anyhow::Result<u64> {
        let talk = fs::read_to_string(&self.talk)?;
        let words: Vec<_> = talk.split_whitespace().collect();
        let number = |at: Option<usize>| -> u64 {
            let word = at.and_then(|at| words.get(at));
            word.and_then(|it| it.parse().ok()).unwrap_or(0)
        };
        let found = words.iter().enumerate().map(|(place, word)| match *word {
            // "0 lost" of finrst.
            "lost" if matches!(self.program, Program::Finrst(_)) => number(place.checked_sub(1)),
            // "Lost 12 events" of bpftrace, "lost 12 events on CPU" of libbpf-tools.
            "lost" | "Lost" => number(Some(place + 1)),
            // "12 packets dropped by kernel" of tcpdump.
            "dropped" => number(place.checked_sub(2)),
            _ => 0,
        });
        Ok(found.sum())
    }

    /// Bytes it printed.
    ///
    /// # Errors
    /// The file is gone.
    pub(super) fn printed(&self) -> anyhow::Result<u64> {
        Ok(fs::metadata(&self.printed)?.len())
    }
}

impl Drop for Watcher {
    /// What fails leaves nothing behind that watches.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _killed = self.child.kill();
            let _reaped = self.child.wait();
        }
    }
}
