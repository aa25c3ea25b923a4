//! Multipath TCP: a connection closed on all paths, and a path that is refused.

use std::{
    io::{self, ErrorKind, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::{
    arrival, cast,
    part::Part,
    raw::{self, SYN, Segment},
    reset::UNREAD,
    socket,
    truth::{Expected, Truth},
};

/// `IPPROTO_MPTCP` of `include/uapi/linux/in.h`.
const MULTIPATH: i32 = 262;

/// A socket of Multipath TCP, or of TCP where the kernel has none.
fn open() -> io::Result<Socket> {
    let multipath = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::from(MULTIPATH)));
    multipath.or_else(|_| Socket::new(Domain::IPV4, Type::STREAM, None))
}

/// Listens by Multipath TCP.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = open()?;
    socket.bind(&address.into())?;
    socket.listen(16)?;
    Ok(socket.into())
}

/// Sends what is never read, and waits for the end.
pub(crate) fn send_and_wait(part: &mut Part) -> io::Result<()> {
    let mut stream = part.accept()?;
    stream.write_all(&UNREAD)?;
    part.wait()?;
    arrival::await_end(&stream)?;
    drop(stream);
    part.cue()
}

/// Closes with data unread, and tells whether the kernel closed all paths at once.
pub(crate) fn close_unread(part: &mut Part) -> io::Result<()> {
    let socket = open()?;
    socket.set_read_timeout(Some(cast::PATIENCE))?;
    socket.connect(&part.address.into())?;
    let stream = TcpStream::from(socket);
    part.tell_connection(stream.local_addr()?)?;
    part.wait()?;
    arrival::await_unread(&stream, UNREAD.len())?;
    drop(stream);
    part.tell(
        "fastcloses",
        arrival::counted("netstat", "MPTcpExt", "MPFastcloseTx")?,
    )?;
    part.cue()?;
    part.wait()
}

/// The client's path was reset; where the kernel has no such close, nothing is expected of it.
pub(crate) fn closed_fast(truth: &Truth) -> Vec<Expected> {
    if truth.number("fastcloses") == 0 {
        return Vec::new();
    }
    truth.both(
        |mut client| {
            client.deferred = true;
            client
                .began(&["rst_sent/mptcp_fastclose"])
                .because("TCP_ABORT_ON_CLOSE")
        },
        |server| server.followed(&["rst_received/peer_reset"]),
    )
}

/// Asks the listener to add a path to a connection it has never heard of.
pub(crate) fn join_nothing(part: &mut Part) -> io::Result<()> {
    let SocketAddr::V4(to) = part.address else {
        return Err(ErrorKind::Unsupported.into());
    };
    let from = socket::free_port(SocketAddr::from((*to.ip(), 0)))?;
    let segment = Segment {
        seq: 1,
        flags: SYN,
        join: Some(0x1234_5678),
        ..Segment::default()
    };
    part.tell_connection(from)?;
    raw::send(from.port(), to, segment)?;
    arrival::let_arrive()?;
    part.tell(
        "refused",
        arrival::counted("netstat", "MPTcpExt", "MPJoinNoTokenFound")?,
    )?;
    part.cue()
}

/// The listener refused; where the kernel did not know what was asked, nothing is expected.
pub(crate) fn path_refused(truth: &Truth) -> Vec<Expected> {
    if truth.number("refused") == 0 {
        return Vec::new();
    }
    let refusal = |server: Expected| server.answer().acted(&["rst_sent/mptcp_reset"], None);
    truth.servers().map(refusal).collect()
}
