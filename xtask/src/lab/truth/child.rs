//! Programs as child processes of the ground truth.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::lab::farewell;

/// A server that ends with its value.
pub(super) struct Server(pub(super) Child);

impl Drop for Server {
    fn drop(&mut self) {
        farewell::end(&mut self.0);
    }
}

/// Runs a program to its end, however that is; its pid and what it printed.
pub(super) fn run(command: &mut Command) -> anyhow::Result<(u32, String)> {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let pid = child.id();
    let output = child.wait_with_output()?;
    Ok((pid, String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// Lines of a file.
pub(super) fn lines(file: &Path) -> anyhow::Result<usize> {
    Ok(fs::read_to_string(file)?.lines().count())
}

/// The processes a process has made.
pub(super) fn children(pid: u32) -> anyhow::Result<HashSet<u32>> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    let pids = text.split_whitespace().map(str::parse);
    Ok(pids.collect::<Result<_, _>>()?)
}
