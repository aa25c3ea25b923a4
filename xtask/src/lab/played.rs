//! Scenes as child processes: played at once, or held until the tracer is ready.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;

use crate::scene::truth::Ready;

/// Plays a scene to its end.
///
/// # Errors
/// It failed.
pub(crate) fn play<T: DeserializeOwned>(scene: &str, arguments: &[&str]) -> anyhow::Result<T> {
    let played = command(scene, arguments)?.stdin(Stdio::null()).output()?;
    if !played.status.success() {
        let talk = String::from_utf8_lossy(&played.stderr);
        bail!("the scene {scene} failed: {}", talk.trim());
    }
    serde_json::from_slice(&played.stdout).context("a scene ends with what happened")
}

/// The command that plays a scene: this very program.
pub(crate) fn command(scene: &str, arguments: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["scene", scene]).args(arguments);
    Ok(command)
}

/// A scene whose processes exist and wait.
#[derive(Debug)]
pub(crate) struct Held<R = Ready> {
    /// The director's process.
    child: Child,
    /// Where the cue is given.
    cue: ChildStdin,
    /// What it says.
    out: BufReader<ChildStdout>,
    /// Who is there.
    pub(crate) ready: R,
}

impl<R: DeserializeOwned> Held<R> {
    /// Sets a scene up and waits until its processes are there.
    ///
    /// # Errors
    /// It failed.
    pub(crate) fn new(scene: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut child = command(scene, arguments)?
            .arg("--wait")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()?;
        let cue = child.stdin.take().context("stdin is piped")?;
        let mut out = BufReader::new(child.stdout.take().context("stdout is piped")?);
        let mut line = String::new();
        out.read_line(&mut line)?;
        let ready = serde_json::from_str(&line)
            .with_context(|| format!("the scene {scene} is not ready: {line}"))?;
        Ok(Self {
            child,
            cue,
            out,
            ready,
        })
    }

    /// Gives the cue and waits for the end.
    ///
    /// # Errors
    /// The scene failed.
    pub(crate) fn play<T: DeserializeOwned>(mut self) -> anyhow::Result<T> {
        self.cue.write_all(b"\n")?;
        let mut text = String::new();
        self.out.read_to_string(&mut text)?;
        if !self.child.wait()?.success() {
            bail!("the held scene failed");
        }
        serde_json::from_str(&text).context("a scene ends with what happened")
    }
}
