//! Endings by RST: sent by a call, sent in answer to a SYN, and received.

use std::{
    fs,
    io::{self, ErrorKind, Write as _},
    net::TcpStream,
    thread,
    time::Duration,
};

use super::{
    arrival,
    part::Part,
    silence, socket,
    truth::{Expected, Truth},
};

/// What is sent and never read.
pub(crate) const UNREAD: [u8; 512] = [0; 512];

/// Sends what nobody will read, and waits for the reset.
pub(crate) fn send_and_be_reset(part: &mut Part) -> io::Result<()> {
    let mut stream = part.connect()?;
    stream.write_all(&UNREAD)?;
    socket::read_to_reset(&stream)
}

/// Closes with received data unread.
pub(crate) fn close_unread(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    arrival::await_unread(&stream, UNREAD.len())
}

/// RFC 2525, section 2.17: the server's close is a reset.
pub(crate) fn unread_data(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.followed(&["rst_received/peer_reset"]),
        |server| {
            server
                .began(&["rst_sent/closed_with_unread_data"])
                .because("TCP_ABORT_ON_CLOSE")
        },
    )
}

/// Closes with `SO_LINGER` {1, 0}.
pub(crate) fn close_hard(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    socket::linger(&stream, Duration::ZERO)
}

/// The same, when all TCP sockets together have more memory than `tcp_mem` likes.
pub(crate) fn close_hard_under_pressure(part: &mut Part) -> io::Result<()> {
    const LIMITS: &str = "/proc/sys/net/ipv4/tcp_mem";
    let stream = part.connect()?;
    let before = fs::read_to_string(LIMITS)?;
    let most = before.split_whitespace().last().unwrap_or("0");
    let entered = || arrival::counted("netstat", "TcpExt", "TCPMemoryPressures");
    let times = entered()?;
    fs::write(LIMITS, format!("0 1 {most}"))?;
    let full = silence::fill_buffers(&stream);
    let times = entered().map(|now| now - times);
    let closed = socket::linger(&stream, Duration::ZERO).map(|()| drop(stream));
    fs::write(LIMITS, before)?;
    full.and(closed)?;
    if times? == 0 {
        return Err(io::Error::other("the kernel had memory enough"));
    }
    part.cue()
}

/// Reads nothing until the client has reset.
pub(crate) fn be_reset_unread(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    part.wait()?;
    socket::read_to_reset(&stream)
}

/// As [`linger_zero`], and the evidence says so.
pub(crate) fn linger_zero_under_pressure(truth: &Truth) -> Vec<Expected> {
    let mut expected = linger_zero(truth);
    for client in expected.iter_mut().take(1) {
        *client = client.clone().proved_by(&["memory_pressure=yes"]);
    }
    expected
}

/// Waits for the reset, closes at once.
pub(crate) fn be_reset(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    socket::read_to_reset(&stream)
}

/// Waits for the reset and keeps the dead socket for a while.
pub(crate) fn be_reset_and_hold(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    socket::read_to_reset(&stream)?;
    thread::sleep(Duration::from_millis(200));
    Ok(())
}

/// The client resets by its close; the server did nothing. The kernel's reason is `TCP_STATE`.
pub(crate) fn linger_zero(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.began(&["rst_sent/linger_zero"]).because("TCP_STATE"),
        |server| server.followed(&["rst_received/peer_reset"]),
    )
}

/// Connects to a port nobody listens on. Which port the kernel chose for this end, it forgets.
pub(crate) fn be_refused(part: &mut Part) -> io::Result<()> {
    let mut local = part.address;
    local.set_port(0);
    part.tell_connection(local)?;
    match TcpStream::connect(part.address) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => part.cue(),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::other("somebody listens there after all")),
    }
}

/// Listens to nobody, until the client has seen that.
pub(crate) fn listen_to_nobody(part: &mut Part) -> io::Result<()> {
    part.wait()
}

/// The client is reset while connecting, and the kernel is who answered.
pub(crate) fn refused(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.followed(&["rst_received/refused"]),
        |server| {
            server
                .by_kernel()
                .began(&["rst_sent/no_listener"])
                .because("NO_SOCKET")
        },
    )
}
