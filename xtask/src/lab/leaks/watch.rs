//! A running `finrst leaks --for --watch`: its looks as they come.

use std::{
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::Deserialize;
use serde_json::Value;

use crate::lab::{Lab, clock::Deadline};

/// The process; it goes with its value.
#[derive(Debug)]
pub(super) struct Watch {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// What a look told.
#[derive(Debug)]
pub(super) struct Look {
    /// Its lines of type `leak`.
    pub(super) leaks: Vec<Leak>,
    /// Who owes `TIME_WAIT`.
    pub(super) owed: Vec<Owed>,
    /// Its line of type `leaks`.
    whole: Value,
}

/// A line of type `leak`.
#[derive(Debug, Deserialize)]
pub(super) struct Leak {
    #[serde(rename = "leak")]
    pub(super) kind: String,
    pub(super) held_by: String,
    process: Option<Process>,
    pub(super) sockets: u64,
    pub(super) oldest_exact: bool,
    pub(super) got: Option<Place>,
    pub(super) touched: Option<Place>,
    pub(super) goroutine: Option<u64>,
}

/// What was done, and by which code.
#[derive(Debug, Deserialize)]
pub(super) struct Place {
    pub(super) how: String,
    pub(super) function: Option<String>,
    file: Option<String>,
    line: Option<u32>,
}

/// Who owes `TIME_WAIT`.
#[derive(Debug, Deserialize)]
pub(super) struct Owed {
    process: Option<Process>,
    pub(super) confidence: String,
    pub(super) sockets: u64,
}

#[derive(Debug, Deserialize)]
struct Process {
    pid: u32,
}

impl Leak {
    pub(super) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|it| it.pid)
    }
}

impl Owed {
    pub(super) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|it| it.pid)
    }
}

impl Place {
    /// `file:line`, of the file its name.
    pub(super) fn place(&self) -> String {
        let file = self.file.as_deref().unwrap_or_default();
        let name = file.rsplit('/').next().unwrap_or_default();
        format!("{name}:{}", self.line.unwrap_or(0))
    }
}

impl Look {
    /// A number in its line of type `leaks`.
    pub(super) fn whole(&self, name: &str) -> Option<u64> {
        self.whole.get(name)?.as_u64()
    }
}

impl Watch {
    /// Starts it, and waits for the first look: the hooks are in place.
    pub(super) fn start(lab: &Lab, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(&lab.finrst);
        command.args(["leaks", "-q", "-o", "json"]);
        command
            .args(["--for", "5m", "--watch", "500ms"])
            .args(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let mut watch = Self {
            child,
            lines: BufReader::new(stdout).lines(),
        };
        watch.look()?;
        Ok(watch)
    }

    /// Waits for the next look.
    pub(super) fn look(&mut self) -> anyhow::Result<Look> {
        let mut leaks = Vec::new();
        for line in self.lines.by_ref() {
            let line: Value = serde_json::from_str(&line?)?;
            match line.get("type").and_then(Value::as_str) {
                Some("leak") => leaks.push(serde_json::from_value(line)?),
                Some("leaks") => {
                    let owed = line.get("time_wait_owed").cloned();
                    let owed = serde_json::from_value(owed.unwrap_or_default())?;
                    let whole = line;
                    return Ok(Look { leaks, owed, whole });
                }
                _ => {}
            }
        }
        bail!("it ended: {:?}", self.child.wait()?)
    }

    /// Waits for a look that is as it should be.
    pub(super) fn until(
        &mut self,
        deadline: Deadline,
        mut fits: impl FnMut(&Look) -> bool,
    ) -> anyhow::Result<Look> {
        loop {
            let look = self.look()?;
            if fits(&look) {
                return Ok(look);
            }
            if deadline.left().is_zero() {
                bail!("the last look is {look:?}");
            }
        }
    }

    /// Ends it; says with which exit code.
    pub(super) fn stop(mut self) -> anyhow::Result<Option<i32>> {
        kill(
            Pid::from_raw(i32::try_from(self.child.id())?),
            Signal::SIGINT,
        )?;
        for line in self.lines.by_ref() {
            line?;
        }
        Ok(self.child.wait()?.code())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}
