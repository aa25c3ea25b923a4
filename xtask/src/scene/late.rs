//! What comes when a connection, or a process, is gone already.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    thread,
    time::Duration,
};

use super::{
    cast, graceful,
    part::Part,
    reset, socket,
    truth::{Expected, Truth},
};

/// Resets, waits until the other end is gone too, and has the kernel get a segment for this end.
pub(crate) fn reset_and_be_haunted(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    let SocketAddr::V4(local) = stream.local_addr()? else {
        return Err(ErrorKind::Unsupported.into());
    };
    socket::linger(&stream, Duration::ZERO)?;
    drop(stream);
    part.wait()?;
    socket::send_ack(part.address.port(), local)?;
    part.cue()
}

/// Is reset, says so, and stays until the late segment was sent: its port must not be anybody's.
pub(crate) fn be_reset_and_stay(part: &mut Part) -> io::Result<()> {
    reset::be_reset(part)?;
    part.cue()?;
    part.wait()
}

/// The answer to the late segment is an ending of its own, with the owner of the one before.
pub(crate) fn haunted(truth: &Truth) -> Vec<Expected> {
    let mut expected = reset::linger_zero(truth);
    expected.extend(truth.clients().map(Expected::late_answer));
    expected
}

/// Two processes that had the same pid, one after the other.
pub(crate) fn connect_twice_as_one(part: &mut Part) -> io::Result<()> {
    let (address, mut director) = (part.address, part.director.try_clone()?);
    let first = part.fork("fr-first", |_| visit(address, &mut director))?;
    part.wait()?;
    cast::dismiss(first.pid)?;
    // The start of a process is told in clock ticks of ten milliseconds.
    thread::sleep(Duration::from_millis(30));
    let second = part.fork_again("fr-second", first.pid, |_| visit(address, &mut director))?;
    part.wait()?;
    cast::dismiss(second.pid)
}

/// Connects and reads to the end.
fn visit(address: SocketAddr, director: &mut UnixStream) -> io::Result<()> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(cast::PATIENCE))?;
    let local = stream.local_addr()?;
    io::Write::write_all(
        director,
        format!("connection {local} {address}\n").as_bytes(),
    )?;
    socket::read_to_end(&stream)
}

/// Serves two clients, one after the other.
pub(crate) fn serve_two(part: &mut Part) -> io::Result<()> {
    graceful::serve_and_close(part)?;
    graceful::serve_and_close(part)
}

/// One connection is of the first process, the other of the second.
pub(crate) fn same_pid(truth: &Truth) -> Vec<Expected> {
    let visitors = ["fr-first", "fr-second"].map(|name| truth.process(name));
    let mut expected = graceful::server_first(truth);
    let clients = expected
        .iter_mut()
        .filter(|ending| ending.initiator.as_deref() == Some("remote"));
    for (client, visitor) in clients.zip(visitors) {
        *client = client.clone().by(visitor);
    }
    expected
}
