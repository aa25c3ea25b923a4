//! Near misses: everything a cause needs but one thing, so that the cause must not be claimed.

use std::{
    io::{self, ErrorKind, Write as _},
    net::{Shutdown, SocketAddr},
    thread,
    time::Duration,
};

use super::{
    arrival,
    part::Part,
    reset::UNREAD,
    socket,
    truth::{Expected, Truth},
};

/// Closes with a linger time, when there is nothing to linger for.
pub(crate) fn linger_acknowledged(part: &mut Part) -> io::Result<()> {
    let mut stream = part.connect()?;
    stream.write_all(b"hello")?;
    socket::linger(&stream, Duration::from_secs(5))?;
    arrival::await_acknowledged(&stream)
}

/// Closes with `SO_LINGER` {1, 0} and unread data: the kernel looks at the data first
/// (`__tcp_close`, `net/ipv4/tcp.c`).
pub(crate) fn linger_unread(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    arrival::await_unread(&stream, UNREAD.len())?;
    socket::linger(&stream, Duration::ZERO)
}

/// Reads everything that had been unread for a while, then closes.
pub(crate) fn read_late(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    arrival::await_unread(&stream, UNREAD.len())?;
    thread::sleep(Duration::from_millis(20));
    let mut buffer = UNREAD;
    io::Read::read_exact(&mut &stream, &mut buffer)
}

/// Sends, and reads to the server's end.
pub(crate) fn send_and_read(part: &mut Part) -> io::Result<()> {
    let mut stream = part.connect()?;
    stream.write_all(&UNREAD)?;
    socket::read_to_end(&stream)
}

/// Sets `SO_LINGER` {1, 0} and resets by `connect(AF_UNSPEC)`; the close that follows does nothing.
pub(crate) fn disconnect(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    socket::linger(&stream, Duration::ZERO)?;
    socket::disconnect(&stream)
}

/// A reset by a call that is no close.
pub(crate) fn disconnected(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.began(&["rst_sent/disconnect"]).because("TCP_STATE"),
        |server| server.followed(&["rst_received/peer_reset"]),
    )
}

/// Sends an ACK out of nowhere to a port nobody has.
pub(crate) fn stray_ack(part: &mut Part) -> io::Result<()> {
    let SocketAddr::V4(to) = part.address else {
        return Err(ErrorKind::Unsupported.into());
    };
    let from = socket::stray_ack(to)?;
    part.tell_connection(from)?;
    part.cue()
}

/// The kernel resets, but nobody asked for a listener.
pub(crate) fn answered_stray(truth: &Truth) -> Vec<Expected> {
    truth
        .servers()
        .map(|server| {
            server
                .by_kernel()
                .acted(&["rst_sent/stray_segment"], None)
                .because("NO_SOCKET")
        })
        .collect()
}

/// Shuts the receiving direction, which sends nothing, and closes first.
pub(crate) fn shut_read(part: &mut Part) -> io::Result<()> {
    let mut stream = part.connect()?;
    stream.write_all(b"hello")?;
    stream.shutdown(Shutdown::Read)
}
