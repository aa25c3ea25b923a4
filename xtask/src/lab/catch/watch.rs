//! A `finrst catch` that waits, and how it ended.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::lab::{Lab, Way, clock::Deadline};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// `finrst catch` of what this process does, attached the way asked for.
pub(super) fn catch(lab: &Lab, arguments: &[&str]) -> Command {
    let mut command = Command::new(&lab.finrst);
    command.args(["catch", "-p", &std::process::id().to_string()]);
    command.args(arguments);
    if lab.way != Way::Auto {
        command.args(["--way", lab.way.name()]);
    }
    command
}

/// One that waits.
pub(super) struct Watch {
    child: Child,
    /// What it says, line by line.
    talk: Receiver<String>,
    patience: Duration,
}

/// One that has ended.
pub(super) struct Ended {
    code: Option<i32>,
    /// What it printed.
    pub(super) printed: String,
    /// What it said from the start of the wait on.
    pub(super) talk: String,
}

impl Watch {
    /// Starts it and waits until it says that it watches.
    pub(super) fn start(lab: &Lab, command: &mut Command) -> anyhow::Result<Self> {
        let mut watch = Self::spawn(lab, command)?;
        let deadline = Deadline::after(watch.patience);
        loop {
            match watch.talk.recv_timeout(deadline.left()) {
                Ok(line) if line.contains("watching") => return Ok(watch),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => bail!("it does not begin to watch"),
                Err(RecvTimeoutError::Disconnected) => bail!("it ended: {}", watch.child.wait()?),
            }
        }
    }

    fn spawn(lab: &Lab, command: &mut Command) -> anyhow::Result<Self> {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let stderr = BufReader::new(child.stderr.take().context("stderr is piped")?);
        let (sender, talk) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = stderr.lines().map_while(Result::ok);
            lines.try_for_each(|line| sender.send(line))
        });
        let patience = lab.patience(PATIENCE);
        Ok(Self {
            child,
            talk,
            patience,
        })
    }

    /// Waits until something is so.
    pub(super) fn until(&self, mut is_so: impl FnMut() -> bool) -> anyhow::Result<()> {
        let deadline = Deadline::after(self.patience);
        while !is_so() {
            ensure!(!deadline.left().is_zero(), "it took too long");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    pub(super) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal)?;
        Ok(())
    }

    /// Kibibytes of memory it has.
    pub(super) fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(number.context("it has no memory")?.parse()?)
    }

    /// Waits for its end.
    pub(super) fn wait(mut self) -> anyhow::Result<Ended> {
        let deadline = Deadline::after(self.patience);
        while self.child.try_wait()?.is_none() {
            ensure!(!deadline.left().is_zero(), "it does not end");
            thread::sleep(Duration::from_millis(20));
        }
        let mut printed = String::new();
        let stdout = self.child.stdout.as_mut().context("stdout is piped")?;
        stdout.read_to_string(&mut printed)?;
        let lines: Vec<_> = self.talk.iter().collect();
        Ok(Ended {
            code: self.child.wait()?.code(),
            printed,
            talk: lines.join("\n"),
        })
    }
}

impl Drop for Watch {
    /// A test that fails leaves no finrst behind.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _killed = self.child.kill();
            let _reaped = self.child.wait();
        }
    }
}

impl Ended {
    /// Fails unless it ended with this code.
    pub(super) fn is(&self, code: Option<i32>) -> anyhow::Result<()> {
        ensure!(
            self.code == code,
            "it ended with {:?} instead of {code:?}: {}",
            self.code,
            self.talk
        );
        Ok(())
    }
}
