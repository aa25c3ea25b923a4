//! A finrst whose lines are counted as they come, and not kept.

use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::Deserialize;

use super::account::Summary;
use crate::lab::clock::Deadline;

/// How often an end is asked for.
const ATTENTION: Duration = Duration::from_millis(10);

/// What becomes of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::lab::robust) enum Reader {
    /// They are read to the end.
    Stays,
    /// The first is read, and then nobody is there any more.
    Leaves,
    /// They go elsewhere.
    Nobody,
}

/// A finrst that runs.
pub(in crate::lab::robust) struct Watched {
    child: Child,
    started: Receiver<()>,
    lines: Option<JoinHandle<anyhow::Result<Heard>>>,
    talk: Receiver<String>,
}

/// What it said.
#[derive(Debug, Default)]
pub(in crate::lab::robust) struct Heard {
    /// Endings it printed.
    pub(in crate::lab::robust) endings: u64,
    /// Its closing account.
    pub(in crate::lab::robust) summary: Option<Summary>,
    /// The last line has no end.
    pub(in crate::lab::robust) cut: bool,
}

/// How it ended.
#[derive(Debug)]
pub(in crate::lab::robust) struct Gone {
    pub(in crate::lab::robust) status: ExitStatus,
    pub(in crate::lab::robust) heard: Heard,
    /// What it said on stderr.
    pub(in crate::lab::robust) talk: String,
}

impl Watched {
    /// Starts it.
    ///
    /// # Errors
    /// It cannot be.
    pub(in crate::lab::robust) fn start(
        command: &mut Command,
        reader: Reader,
    ) -> anyhow::Result<Self> {
        let stdout = match reader {
            Reader::Nobody => Stdio::null(),
            Reader::Stays | Reader::Leaves => Stdio::piped(),
        };
        let mut child = command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()?;
        let (attached, started) = mpsc::channel();
        let lines = child.stdout.take();
        let lines = lines.map(|it| thread::spawn(move || hear(it, reader, &attached)));
        let (sender, talk) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().context("stderr is piped")?);
        thread::spawn(move || {
            let mut lines = stderr.split(b'\n').map_while(Result::ok);
            lines.try_for_each(|line| sender.send(String::from_utf8_lossy(&line).into_owned()))
        });
        Ok(Self {
            child,
            started,
            lines,
            talk,
        })
    }

    pub(in crate::lab::robust) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it says that everything is attached.
    ///
    /// # Errors
    /// It does not.
    pub(in crate::lab::robust) fn attached(&self, patience: Duration) -> anyhow::Result<()> {
        if self.started.recv_timeout(patience).is_err() {
            let said: Vec<_> = self.talk.try_iter().collect();
            bail!("it did not start: {}", said.join(" "));
        }
        Ok(())
    }

    /// Waits until it says this on stderr.
    ///
    /// # Errors
    /// It does not.
    pub(in crate::lab::robust) fn says(
        &self,
        words: &str,
        patience: Duration,
    ) -> anyhow::Result<()> {
        let deadline = Deadline::after(patience);
        while let Ok(line) = self.talk.recv_timeout(deadline.left()) {
            if line.contains(words) {
                return Ok(());
            }
        }
        bail!("it did not say that it {words}")
    }

    pub(in crate::lab::robust) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal)?;
        Ok(())
    }

    /// Has it ended?
    pub(in crate::lab::robust) fn has_ended(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It takes too long, or printed what is none of its lines.
    pub(in crate::lab::robust) fn wait(mut self, patience: Duration) -> anyhow::Result<Gone> {
        let deadline = Deadline::after(patience);
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(
                !deadline.left().is_zero(),
                "it did not end within {patience:?}"
            );
            thread::sleep(ATTENTION);
        };
        let heard = match self.lines.take() {
            Some(lines) => lines.join().ok().context("its reader panicked")??,
            None => Heard::default(),
        };
        let talk: Vec<_> = self.talk.iter().collect();
        let talk = talk.join("\n");
        ensure!(!talk.contains("panicked"), "it panicked: {talk}");
        Ok(Gone {
            status,
            heard,
            talk,
        })
    }
}

impl Drop for Watched {
    /// A soak that fails leaves none behind.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _killed = self.child.kill();
            let _reaped = self.child.wait();
        }
    }
}

/// What is looked at of a line.
#[derive(Deserialize)]
struct Line<'line> {
    r#type: &'line str,
}

/// Reads lines, each of which must be one of finrst's.
fn hear(stdout: impl Read, reader: Reader, attached: &Sender<()>) -> anyhow::Result<Heard> {
    let mut heard = Heard::default();
    let (mut lines, mut line) = (BufReader::new(stdout), String::new());
    loop {
        line.clear();
        if lines.read_line(&mut line)? == 0 {
            break;
        }
        heard.cut = !line.ends_with('\n');
        if heard.cut {
            break;
        }
        let said: Line<'_> =
            serde_json::from_str(&line).with_context(|| format!("no line of finrst's: {line}"))?;
        match said.r#type {
            "start" => {
                // Nobody may be waiting for it any more.
                let _waited_for = attached.send(());
                if reader == Reader::Leaves {
                    break;
                }
            }
            "ending" => heard.endings += 1,
            "summary" => heard.summary = Some(serde_json::from_str(&line)?),
            _ => {}
        }
    }
    Ok(heard)
}
