//! Attempts to connect that get no answer, or a wrong one: the listener is made deaf.

use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener},
};

use socket2::{Domain, SockFilter, SockRef, Socket, Type};

use super::{
    arrival, options,
    part::Part,
    raw::{self, ACK, SYN, Segment},
    truth::{Expected, Truth},
};

/// Listens and hears nothing, until the client is done.
pub(crate) fn listen_deaf(part: &mut Part) -> io::Result<()> {
    let listener = part.listener.as_ref().ok_or(ErrorKind::NotConnected)?;
    deafen(listener)?;
    part.cue()?;
    part.wait()
}

fn deafen(listener: &TcpListener) -> io::Result<()> {
    SockRef::from(listener).attach_filter(&[SockFilter::new(0x06, 0, 0, 0)])
}

/// A socket with a port, told to the director before it connects.
fn prepared(part: &mut Part) -> io::Result<Socket> {
    part.wait()?;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    options::set(&socket, libc::TCP_SYNCNT, 1)?;
    let local = socket.local_addr()?.as_socket();
    part.tell_connection(local.ok_or(ErrorKind::AddrNotAvailable)?)?;
    Ok(socket)
}

/// Connects until the kernel gives up.
pub(crate) fn connect_in_vain(part: &mut Part) -> io::Result<()> {
    let socket = prepared(part)?;
    let ended = socket.connect(&part.address.into());
    drop(socket);
    part.cue()?;
    expect(ended, libc::ETIMEDOUT)
}

/// The same with a key the server does not have.
pub(crate) fn connect_signed(part: &mut Part) -> io::Result<()> {
    let socket = prepared(part)?;
    if let Err(error) = options::sign(&socket, v4(part.address)?) {
        part.tell("skip", format_args!("this kernel has no TCP-MD5: {error}"))?;
        return part.cue();
    }
    let ended = socket.connect(&part.address.into());
    drop(socket);
    part.cue()?;
    expect(ended, libc::ETIMEDOUT)
}

/// Begins to connect, and returns both ends.
fn begin(part: &mut Part) -> io::Result<(Socket, SocketAddrV4, SocketAddrV4)> {
    let socket = prepared(part)?;
    socket.set_nonblocking(true)?;
    expect(socket.connect(&part.address.into()), libc::EINPROGRESS)?;
    let local = socket.local_addr()?.as_socket();
    let local = v4(local.ok_or(ErrorKind::AddrNotAvailable)?)?;
    Ok((socket, local, v4(part.address)?))
}

/// Is told on the way that the server cannot be reached.
pub(crate) fn connect_nowhere(part: &mut Part) -> io::Result<()> {
    let (socket, local, server) = begin(part)?;
    let seq = options::next_to_send(&socket)?.wrapping_sub(1);
    raw::unreachable(local, server, seq)?;
    arrival::await_hang_up(&socket)?;
    let error = socket.take_error()?;
    drop(socket);
    part.cue()?;
    expect(error.map_or(Ok(()), Err), libc::EHOSTUNREACH)
}

/// Gets an acknowledgement of something else, and closes.
pub(crate) fn get_wrong_ack(part: &mut Part) -> io::Result<()> {
    let (socket, local, server) = begin(part)?;
    let ack = options::next_to_send(&socket)?.wrapping_add(100_000);
    let segment = Segment {
        seq: 1,
        ack,
        flags: ACK,
        echo: None,
    };
    answer(part, socket, (local, server), segment)
}

/// Gets an acknowledgement with a timestamp it never sent, and closes.
pub(crate) fn get_wrong_echo(part: &mut Part) -> io::Result<()> {
    let (socket, local, server) = begin(part)?;
    let segment = Segment {
        seq: 1,
        ack: options::next_to_send(&socket)?,
        flags: SYN | ACK,
        echo: Some(1),
    };
    answer(part, socket, (local, server), segment)
}

fn answer(
    part: &mut Part,
    socket: Socket,
    (local, server): (SocketAddrV4, SocketAddrV4),
    segment: Segment,
) -> io::Result<()> {
    raw::send(server.port(), local, segment)?;
    arrival::let_arrive()?;
    drop(socket);
    part.cue()
}

fn v4(address: SocketAddr) -> io::Result<SocketAddrV4> {
    match address {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(_) => Err(ErrorKind::Unsupported.into()),
    }
}

fn expect(ended: io::Result<()>, errno: i32) -> io::Result<()> {
    match ended {
        Err(error) if error.raw_os_error() == Some(errno) => Ok(()),
        Err(error) => Err(error),
        Ok(()) => Err(io::Error::other("an error was expected")),
    }
}

/// The client's kernel gave up; the server never had a socket.
fn gave_up(truth: &Truth, act: &str) -> Vec<Expected> {
    let clients = truth.clients();
    clients
        .map(|client| client.acted(&[act], None).by_timer())
        .collect()
}

/// Nobody answered.
pub(crate) fn timed_out(truth: &Truth) -> Vec<Expected> {
    gave_up(truth, "timeout/connect_timeout")
}

/// Nobody answered, and the segments were signed.
pub(crate) fn timed_out_signed(truth: &Truth) -> Vec<Expected> {
    gave_up(truth, "timeout/md5_or_ao")
}

/// The network answered.
pub(crate) fn was_unreachable(truth: &Truth) -> Vec<Expected> {
    gave_up(truth, "timeout/unreachable")
}

/// The kernel answered the wrong segment and went on; then the client closed.
fn answered(truth: &Truth, act: &str, reason: &str) -> Vec<Expected> {
    let closed = truth.clients().map(|it| it.began(&["destroyed/app_close"]));
    let answers = truth
        .clients()
        .map(|it| it.answer().acted(&[act], None).because(reason));
    closed.chain(answers).collect()
}

/// The acknowledgement was wrong.
pub(crate) fn wrong_ack(truth: &Truth) -> Vec<Expected> {
    answered(
        truth,
        "rst_sent/bad_handshake_ack",
        "TCP_INVALID_ACK_SEQUENCE",
    )
}

/// The timestamp was wrong.
pub(crate) fn wrong_echo(truth: &Truth) -> Vec<Expected> {
    answered(truth, "rst_sent/paws_or_sequence", "TCP_RFC7323_PAWS")
}
