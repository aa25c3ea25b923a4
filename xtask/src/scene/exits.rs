//! Endings by the end of a process: the kernel closes what it left open.

use std::io::{self, Write as _};

use super::{
    arrival, cast,
    part::Part,
    reset::UNREAD,
    socket,
    truth::{Expected, Truth},
};

/// Exits with a status of 3 and leaves the connection open.
pub(crate) fn exit_open(part: &mut Part) -> io::Result<()> {
    let _open = part.accept()?;
    cast::leave(3)
}

/// Holds the connection until it is killed.
pub(crate) fn hold(part: &mut Part) -> io::Result<()> {
    let _open = part.accept()?;
    part.stay()
}

/// Kills the server, then reads to the end.
pub(crate) fn kill(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    part.kill_partner()?;
    socket::read_to_end(&stream)
}

/// The kernel's FIN, for a process that is gone.
fn process_exit(truth: &Truth, gone: fn(Expected) -> Expected) -> Vec<Expected> {
    let client =
        |client: Expected| client.followed(&["fin_received/peer_closed", "fin_sent/app_close"]);
    let server = |server: Expected| {
        gone(server.began(&["fin_sent/process_exit", "fin_received/peer_closed?"]))
    };
    let clients = truth.clients().map(client);
    clients.chain(truth.servers().map(server)).collect()
}

/// It is gone by its own will.
pub(crate) fn exited(truth: &Truth) -> Vec<Expected> {
    process_exit(truth, |server| server.exited(3))
}

/// It is gone by a signal.
pub(crate) fn killed(truth: &Truth) -> Vec<Expected> {
    process_exit(truth, Expected::killed)
}

/// Holds the connection and what came over it, until it is killed.
pub(crate) fn hold_unread(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    arrival::await_unread(&stream, UNREAD.len())?;
    part.cue()?;
    part.stay()
}

/// Sends, kills the server, and is reset.
pub(crate) fn send_and_kill(part: &mut Part) -> io::Result<()> {
    let mut stream = part.connect()?;
    stream.write_all(&UNREAD)?;
    part.wait()?;
    part.kill_partner()?;
    socket::read_to_reset(&stream)
}

/// Unread data makes the kernel reset, whoever closes; here it is the kernel for a dead process.
pub(crate) fn killed_unread(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.followed(&["rst_received/peer_reset"]),
        |server| {
            server
                .began(&["rst_sent/process_exit_with_unread_data"])
                .killed()
                .because("TCP_ABORT_ON_CLOSE")
        },
    )
}
