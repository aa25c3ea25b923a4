//! What tests of captures have to hand: a tcpdump beside finrst, and what finrst makes of its file.

use std::{
    fs,
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::{
    lab::{Lab, outcome::Skip},
    shell,
};

/// What tcpdump is to keep.
const FILTER: &str = "tcp[tcpflags] & (tcp-fin|tcp-rst) != 0";

/// A tcpdump that writes a file.
pub(super) struct Tcpdump(Child);

impl Tcpdump {
    /// Starts it, or what runs it, with words of its own.
    pub(super) fn start(mut command: Command, words: &[&str], file: &str) -> anyhow::Result<Self> {
        command
            .args(["-U", "-B", "8192", "-s", "256", "-Z", "root", "-w", file])
            .args(words)
            .arg(FILTER)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        let tcpdump = Self(command.spawn()?);
        for _ in 0..200 {
            // Its header is there when it captures.
            if fs::metadata(file).is_ok_and(|it| it.len() >= 24) {
                return Ok(tcpdump);
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("tcpdump {words:?} wrote nothing");
    }

    /// Ends it when it has written everything.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        thread::sleep(Duration::from_millis(700));
        kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGINT)?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Tcpdump {
    /// A test that fails leaves no tcpdump behind.
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _killed = self.0.kill();
            let _reaped = self.0.wait();
        }
    }
}

pub(super) fn need(program: &str) -> anyhow::Result<()> {
    if shell::find(program).is_none() {
        bail!(Skip(format!("there is no {program}")));
    }
    Ok(())
}

/// What `finrst correlate` made of a recording and captures.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) code: Option<i32>,
    pub(super) lines: Vec<Value>,
    pub(super) talk: String,
}

impl Told {
    pub(super) fn of(lab: &Lab, recording: &str, captures: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(&lab.finrst);
        command.args(["correlate", recording, "-o", "json"]);
        for capture in captures {
            command.args(["--pcap", capture]);
        }
        let Output {
            status,
            stdout,
            stderr,
        } = command.stdin(Stdio::null()).output()?;
        let text = String::from_utf8(stdout)?;
        let lines = text.lines().map(serde_json::from_str);
        Ok(Self {
            code: status.code(),
            lines: lines.collect::<Result<_, _>>()?,
            talk: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }

    pub(super) fn of_type(&self, wanted: &str) -> impl Iterator<Item = &Value> {
        self.lines.iter().filter(move |it| it["type"] == wanted)
    }

    pub(super) fn alignment(&self) -> anyhow::Result<Alignment<'_>> {
        let alignment = self.of_type("alignment").next();
        alignment.map(Alignment).context("no alignment is told")
    }

    /// The alignment of a capture that has to be aligned, with nearly everything matched.
    pub(super) fn aligned(&self) -> anyhow::Result<Alignment<'_>> {
        ensure!(
            self.code == Some(0),
            "it ended with {:?}: {}",
            self.code,
            self.talk
        );
        let it = self.alignment()?;
        let (matches, recorded) = (it.number("matches")?, it.number("recorded")?);
        ensure!(
            matches * 20 >= recorded * 19 && matches <= recorded && recorded > 500,
            "{matches} of {recorded} were matched: {it:?}"
        );
        Ok(it)
    }

    /// The row of a device and a direction in the table of delays.
    pub(super) fn delay(&self, device: &str, direction: &str) -> anyhow::Result<&Value> {
        let summary = self.of_type("summary").next().context("no summary")?;
        let rows = summary["delays"].as_array().context("no delays")?;
        let own = |it: &&Value| it["device"] == device && it["direction"] == direction;
        let row = rows.iter().find(own);
        row.with_context(|| format!("no delays of {device} {direction}: {rows:?}"))
    }

    /// Every segment of every ending.
    pub(super) fn segments(&self) -> impl Iterator<Item = &Value> {
        let endings = self.of_type("ending");
        endings.filter_map(|it| it["segments"].as_array()).flatten()
    }
}

/// A line of type `alignment`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alignment<'a>(pub(super) &'a Value);

impl Alignment<'_> {
    pub(super) fn number(self, name: &str) -> anyhow::Result<i64> {
        let number = self.0[name].as_i64();
        number.with_context(|| format!("there is no {name} in {self:?}"))
    }

    pub(super) fn residual(self, name: &str) -> anyhow::Result<i64> {
        let residual = self.0.get("residual_ns").and_then(|it| it.get(name));
        let number = residual.and_then(Value::as_i64);
        number.with_context(|| format!("there is no residual in {self:?}"))
    }

    /// Its drift and how far that may be off.
    pub(super) fn drift(self) -> anyhow::Result<(f64, f64)> {
        let of = |name: &str| self.0[name].as_f64().context("the drift is not known");
        Ok((of("drift_ppm")?, of("drift_error_ppm")?))
    }

    /// That its clock is ahead of this machine's by so much, within what is said of it.
    pub(super) fn is_ahead(self, expected_ns: i64) -> anyhow::Result<()> {
        let (offset, error) = (self.number("offset_ns")?, self.number("error_ns")?);
        ensure!(
            (offset - expected_ns).abs() <= error,
            "the clock is {expected_ns} ns ahead, and not {offset} ± {error}: {self:?}"
        );
        Ok(())
    }
}
