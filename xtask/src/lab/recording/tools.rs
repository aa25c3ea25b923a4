//! What tests of recordings have to hand: files of their own, and finrsts that write and read them.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::lab::{
    Lab, Way,
    clock::Deadline,
    told::{Ending, Line},
};

/// A directory of a test's own, open to everybody, gone with the test.
pub(in crate::lab) struct Scratch(PathBuf);

impl Scratch {
    pub(in crate::lab) fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("finrst-record-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(Self(path))
    }

    /// A file in it.
    pub(in crate::lab) fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

/// A finrst whose files are looked at instead of its lines.
pub(in crate::lab) struct Recorder(Child);

impl Recorder {
    /// Starts it and waits until `file` says that it is attached.
    pub(in crate::lab) fn start(
        lab: &Lab,
        command: &mut Command,
        file: &str,
    ) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut recorder = Self(child);
        let deadline = Deadline::after(lab.patience(Duration::from_secs(20)));
        // The header of a recording alone is longer than what is there before the attach.
        while fs::metadata(file).map_or(0, |found| found.len()) < 100 {
            if let Some(status) = recorder.0.try_wait()? {
                bail!("finrst ended with {status}");
            }
            ensure!(!deadline.left().is_zero(), "nothing came into {file}");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(recorder)
    }

    /// Ends it by a signal.
    pub(in crate::lab) fn stop(mut self, signal: Signal) -> anyhow::Result<Option<i32>> {
        kill(Pid::from_raw(self.0.id().cast_signed()), signal)?;
        Ok(self.0.wait()?.code())
    }
}

impl Drop for Recorder {
    /// A test that fails leaves no finrst behind.
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _killed = self.0.kill();
            let _reaped = self.0.wait();
        }
    }
}

/// `finrst record`, attached the way asked for.
pub(in crate::lab) fn record(lab: &Lab, arguments: &[&str]) -> Command {
    let mut command = Command::new(&lab.finrst);
    command
        .arg("record")
        .args(lab.without_stacks())
        .args(arguments);
    if lab.way != Way::Auto {
        command.args(["--way", lab.way.name()]);
    }
    command
}

/// `finrst trace --replay`, to its end.
pub(in crate::lab) fn replay(
    finrst: &Path,
    file: &str,
    arguments: &[&str],
) -> anyhow::Result<Output> {
    let mut command = Command::new(finrst);
    command.args(["trace", "--replay", file]).args(arguments);
    Ok(command.stdin(Stdio::null()).output()?)
}

/// The endings among lines.
pub(in crate::lab) fn endings(lines: &[u8]) -> anyhow::Result<Vec<Ending>> {
    let mut endings = Vec::new();
    for line in String::from_utf8_lossy(lines).lines() {
        if let Line::Ending(ending) = serde_json::from_str(line)? {
            endings.push(*ending);
        }
    }
    Ok(endings)
}
