//! Several descriptors of one socket: which close ends the connection, and which ends nothing.

use std::{
    io::{self, Read as _, Write as _},
    os::{fd::AsRawFd as _, unix::process::CommandExt as _},
    process::{Command, Stdio},
};

use nix::unistd::close;

use super::{
    cast,
    part::Part,
    shared,
    truth::{Expected, Truth},
};

/// Duplicates the descriptor, closes the one, which ends nothing, and then the other.
pub(crate) fn duplicate(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    let copy = stream.try_clone()?;
    part.tell("fd", copy.as_raw_fd())?;
    drop(stream);
    Part::hold_still();
    drop(copy);
    Ok(())
}

/// The same process closes twice.
pub(crate) fn duplicated(truth: &Truth) -> Vec<Expected> {
    shared::closed_twice(truth, &truth.server, &truth.server, truth.number("fd"))
}

/// Shares the socket with a child, which closes first; this process closes last.
pub(crate) fn outlive_child(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    let fd = stream.as_raw_fd();
    part.tell("fd", fd)?;
    let mut heir = part.fork("fr-heir", |mut parent| {
        close(fd)?;
        parent.write_all(b".")?;
        parent.read_exact(&mut [0])
    })?;
    heir.line.read_exact(&mut [0])?;
    Part::hold_still();
    drop(stream);
    heir.line.write_all(b".")?;
    cast::dismiss(heir.pid)
}

/// The child's close ends nothing.
pub(crate) fn outlived(truth: &Truth) -> Vec<Expected> {
    let heir = truth.process("fr-heir");
    shared::closed_twice(truth, &heir, &truth.server, truth.number("fd"))
}

/// Has a child that exits with the socket open, and one whose program is replaced and which loses
/// it by close-on-exec: neither called close. Then closes.
pub(crate) fn close_after_heirs(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    let leaver = part.fork("fr-leaver", |_| Ok(()))?;
    cast::dismiss(leaver.pid)?;
    let changer = part.fork("fr-changer", |_| Err(become_another()))?;
    cast::dismiss(changer.pid)?;
    Part::hold_still();
    drop(stream);
    Ok(())
}

/// Replaces the program of the process that holds the socket, which closes it on the way.
pub(crate) fn exec_open(part: &mut Part) -> io::Result<()> {
    let _open = part.accept()?;
    let program = std::env::current_exe()?;
    let name = program.file_name().unwrap_or_default();
    part.tell("program", name.display())?;
    Err(become_another())
}

/// Makes this process run a program that does nothing: this one, asked for its usage.
fn become_another() -> io::Error {
    match std::env::current_exe() {
        Ok(program) => Command::new(program)
            .arg("--help")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .exec(),
        Err(error) => error,
    }
}

/// The process is the same and has another name; its call was no close.
pub(crate) fn exec_closed(truth: &Truth) -> Vec<Expected> {
    let mut server = truth.server.clone();
    // A task's name has at most fifteen bytes.
    server.comm = truth.fact("program").chars().take(15).collect();
    let client =
        |client: Expected| client.followed(&["fin_received/peer_closed", "fin_sent/app_close"]);
    let servers = truth.servers().map(|ending| {
        ending
            .by(server.clone())
            .began(&["fin_sent/exec_cloexec", "fin_received/peer_closed?"])
    });
    truth.clients().map(client).chain(servers).collect()
}
