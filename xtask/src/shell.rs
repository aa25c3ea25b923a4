//! Running other programs, in the sight of whoever started us.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context as _, Result, bail};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A program to be run in the root of the workspace, with nothing on its standard input.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command
        .current_dir(root())
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// Cargo, the one that runs us.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    program(
        env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
        arguments,
    )
}

/// The same command, run only while nobody else wants the processor.
pub(crate) fn idly(command: &Command) -> Command {
    let mut idle = program("chrt", &["--idle", "0"]);
    idle.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            idle.env(name, value);
        }
    }
    idle
}

/// Ourselves, with another verb.
///
/// # Errors
/// As [`own_copy`].
pub(crate) fn xtask(arguments: &[&str]) -> Result<Command> {
    Ok(program(own_copy()?, arguments))
}

/// A copy of this program that stays as it is while cargo builds another in its place.
///
/// # Errors
/// When it cannot be written below `target`.
pub(crate) fn own_copy() -> Result<PathBuf> {
    let directory = root().join("target/xtask");
    let (copy, fresh) = (directory.join("xtask"), directory.join("xtask.part"));
    fs::create_dir_all(&directory)?;
    // The link leads to this very program even after its file was replaced.
    fs::copy("/proc/self/exe", &fresh)
        .and_then(|_| fs::rename(&fresh, &copy))
        .with_context(|| format!("cannot copy myself to {}", copy.display()))?;
    Ok(copy)
}

/// Runs a command to its end, its output passing through.
///
/// # Errors
/// When it cannot be run or does not succeed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    announce(command);
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    succeeded(command, status)
}

/// Runs a command to its end and returns what it wrote to its standard output.
///
/// # Errors
/// When it cannot be run, does not succeed (with what it said), or writes no UTF-8.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{} ended with {}: {}",
            shown(command),
            output.status,
            said.trim_end()
        );
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs a command to its end and hands each line of its standard output to `each`.
///
/// # Errors
/// When the command cannot be run or read; its status is the caller's to judge.
pub(crate) fn follow(command: &mut Command, mut each: impl FnMut(&str)) -> Result<ExitStatus> {
    announce(command);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\r');
            each(line);
        }
    }
    Ok(child.wait()?)
}

/// An error unless `status` is success.
///
/// # Errors
/// Names the command and how it ended.
pub(crate) fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    bail!("{} ended with {status}", shown(command))
}

/// Where a program is, if it is on `PATH` or in one of the directories only root searches.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}

fn announce(command: &Command) {
    eprintln!("$ {}", shown(command));
}

/// The command as one would type it.
fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program());
    let words = command
        .get_args()
        .map(|word| word.to_string_lossy().into_owned());
    std::iter::once(name.to_string_lossy().into_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}
