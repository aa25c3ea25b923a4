//! The same two addresses and ports in two network namespaces at once, each pair with its own ends.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
};

use socket2::{Domain, Socket, Type};

use super::{
    arrival,
    cast::{self, Hired},
    netns,
    part::Part,
    reset::UNREAD,
    socket,
    truth::{Expected, Process, Truth},
};

/// The ports of both ends, in either namespace: nobody else is there.
const SERVER: u16 = 4000;
const CLIENT: u16 = 4001;

/// An address of loopback.
fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Enters a namespace that has nothing but a loopback device, and listens there.
fn settle() -> io::Result<(TcpListener, u32)> {
    netns::enter_new().map_err(io::Error::other)?;
    Ok((socket::listen(at(SERVER))?, netns::inode()?))
}

/// Takes the one connection.
fn take(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(cast::PATIENCE))?;
    Ok(stream)
}

/// Serves in a namespace of its own beside its twin, which serves in another.
pub(crate) fn serve_beside_twin(part: &mut Part) -> io::Result<()> {
    let mut twin = part.fork("fr-server-b", |mut line| {
        let (listener, inode) = settle()?;
        line.write_all(&inode.to_ne_bytes())?;
        let stream = take(&listener)?;
        arrival::await_unread(&stream, UNREAD.len())?;
        line.write_all(b".")?;
        line.read_exact(&mut [0])
    })?;
    let mut inode = [0; 4];
    twin.line.read_exact(&mut inode)?;
    part.tell("netns-b", u32::from_ne_bytes(inode))?;
    let (listener, inode) = settle()?;
    part.tell("netns-a", inode)?;
    part.partner
        .write_all(&twin.pid.as_raw().unsigned_abs().to_ne_bytes())?;
    let stream = take(&listener)?;
    twin.line.read_exact(&mut [0])?;
    // Both connections are there now; they end one right after the other.
    part.cue()?;
    drop(stream);
    twin.line.write_all(b".")?;
    cast::dismiss(twin.pid)
}

/// Connects from the client's port in the namespace of a process.
fn reach(server: u32) -> io::Result<TcpStream> {
    netns::enter(server)?;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&at(CLIENT).into())?;
    socket.connect(&at(SERVER).into())?;
    socket.set_read_timeout(Some(cast::PATIENCE))?;
    Ok(socket.into())
}

/// Connects in the server's namespace beside its twin, which does in the other's.
pub(crate) fn connect_beside_twin(part: &mut Part) -> io::Result<()> {
    let mut other = [0; 4];
    part.partner.read_exact(&mut other)?;
    let other = u32::from_ne_bytes(other);
    let server = part.partner_pid.ok_or(io::ErrorKind::NotFound)?;
    let Hired { pid: twin, .. } = part.fork("fr-client-b", |_| {
        let mut stream = reach(other)?;
        stream.write_all(&UNREAD)?;
        socket::read_to_reset(&stream)
    })?;
    let stream = reach(server.as_raw().unsigned_abs())?;
    part.tell("connection", format_args!("{} {}", at(CLIENT), at(SERVER)))?;
    part.wait()?;
    socket::read_to_end(&stream)?;
    drop(stream);
    cast::dismiss(twin)
}

/// One pair ends in order, the other by a reset; nothing of the one may be told of the other.
pub(crate) fn beside_twins(truth: &Truth) -> Vec<Expected> {
    let of = |local, remote, netns: &str, process: &Process| {
        let mut ending = Expected::of(at(local), at(remote), process);
        ending.netns = Some(truth.number(netns));
        ending
    };
    vec![
        of(CLIENT, SERVER, "netns-a", &truth.client)
            .followed(&["fin_received/peer_closed", "fin_sent/app_close"]),
        of(SERVER, CLIENT, "netns-a", &truth.server)
            .began(&["fin_sent/app_close", "fin_received/peer_closed?"]),
        of(CLIENT, SERVER, "netns-b", &truth.process("fr-client-b"))
            .followed(&["rst_received/peer_reset"]),
        of(SERVER, CLIENT, "netns-b", &truth.process("fr-server-b"))
            .began(&["rst_sent/closed_with_unread_data"])
            .because("TCP_ABORT_ON_CLOSE"),
    ]
}
