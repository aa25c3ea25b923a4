//! A command to trace: started once the hooks are in place, its end is the end of the trace.

use std::{
    ffi::OsString, future::pending, io, os::unix::process::ExitStatusExt, process::ExitStatus,
};

use anyhow::anyhow;
use tokio::process::{Child, Command};

use crate::exit::{Exit, Failure};

/// Starts the command; it is killed when finrst ends before it.
///
/// # Errors
///
/// It cannot be executed: exit code 127 or 126, as shells have it.
pub(super) fn start(command: &[OsString]) -> Result<Option<Child>, Failure> {
    let Some((program, arguments)) = command.split_first() else {
        return Ok(None);
    };
    let started = Command::new(program)
        .args(arguments)
        .kill_on_drop(true)
        .spawn();
    started.map(Some).map_err(|error| {
        let exit = if error.kind() == io::ErrorKind::NotFound {
            127
        } else {
            126
        };
        let what = anyhow!("cannot run {}: {error}", program.display());
        Failure::new(Exit::Command(exit), what, "")
    })
}

/// The exit code that hands the command's on.
pub(super) fn exit(status: ExitStatus) -> Exit {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    Exit::Command(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Waits for the command to end; forever when there is none.
pub(super) async fn ended(child: &mut Option<Child>) -> io::Result<ExitStatus> {
    match child {
        Some(child) => child.wait().await,
        None => pending().await,
    }
}
