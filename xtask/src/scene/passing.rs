//! Sockets that travel over a unix socket (`SCM_RIGHTS`), arrive, or are lost on the way.
#![expect(unsafe_code, reason = "a descriptor that arrives is a bare number")]

use std::{
    io::{self, ErrorKind, IoSlice, IoSliceMut, Read as _, Write as _},
    net::TcpStream,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, RawFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

use super::{
    cast, graceful,
    part::Part,
    shared, socket,
    truth::{Expected, Holder, Known, Truth},
};

/// Sends descriptors over a unix socket, with a byte to carry them.
fn send(over: &UnixStream, descriptors: &[RawFd]) -> io::Result<()> {
    let rights = [ControlMessage::ScmRights(descriptors)];
    let carrier = [IoSlice::new(b".")];
    let flags = MsgFlags::empty();
    sendmsg::<()>(over.as_raw_fd(), &carrier, &rights, flags, None)?;
    Ok(())
}

/// Takes the one descriptor that comes over a unix socket.
fn receive(over: &UnixStream) -> io::Result<TcpStream> {
    let mut byte = [0];
    let mut carrier = [IoSliceMut::new(&mut byte)];
    let mut space = nix::cmsg_space!(RawFd);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(over.as_raw_fd(), &mut carrier, Some(&mut space), flags)?;
    for told in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(descriptors) = told
            && let [descriptor] = descriptors.as_slice()
        {
            // SAFETY: the kernel made this descriptor for us a moment ago; nobody else has it.
            return Ok(unsafe { TcpStream::from_raw_fd(*descriptor) });
        }
    }
    Err(ErrorKind::UnexpectedEof.into())
}

/// Accepts, passes the socket to another process, and closes its own copy; the other does the rest.
fn pass(part: &mut Part, rest: fn(&TcpStream) -> io::Result<()>) -> io::Result<()> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut receiver = part.fork("fr-receiver", move |mut sender| {
        let stream = receive(&theirs)?;
        sender.write_all(&stream.as_raw_fd().to_ne_bytes())?;
        sender.read_exact(&mut [0])?;
        stream.set_read_timeout(Some(cast::PATIENCE))?;
        rest(&stream)
    })?;
    let stream = part.accept()?;
    send(&ours, &[stream.as_raw_fd()])?;
    let mut fd = [0; 4];
    receiver.line.read_exact(&mut fd)?;
    part.tell("fd", RawFd::from_ne_bytes(fd))?;
    drop(stream);
    Part::hold_still();
    part.cue()?;
    receiver.line.write_all(b".")?;
    cast::dismiss(receiver.pid)
}

/// The receiver closes.
pub(crate) fn pass_on(part: &mut Part) -> io::Result<()> {
    pass(part, |_| Ok(()))
}

/// The receiver is reset by the peer.
pub(crate) fn pass_on_and_be_reset(part: &mut Part) -> io::Result<()> {
    pass(part, socket::read_to_reset)
}

/// Connects, waits until the socket at the other end has changed hands, and reads to the end.
pub(crate) fn read_after_change(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    part.wait()?;
    socket::read_to_end(&stream)
}

/// Connects, waits until the socket at the other end has changed hands, and resets.
pub(crate) fn reset_after_change(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    part.wait()?;
    socket::linger(&stream, Duration::ZERO)
}

/// The sender's close ends nothing; the receiver ends the connection.
pub(crate) fn passed_on(truth: &Truth) -> Vec<Expected> {
    let receiver = truth.process("fr-receiver");
    shared::closed_twice(truth, &truth.server, &receiver, truth.number("fd"))
}

/// The one who holds the socket when the reset comes is its owner, not the one who accepted it.
pub(crate) fn passed_on_and_reset(truth: &Truth) -> Vec<Expected> {
    let receiver = Holder {
        process: truth.process("fr-receiver"),
        fd: truth.number("fd"),
    };
    let mut expected: Vec<_> = truth
        .clients()
        .map(|client| client.began(&["rst_sent/linger_zero"]).because("TCP_STATE"))
        .collect();
    for server in truth.servers() {
        let by_receiver = server.clone().by(receiver.process.clone());
        expected.push(server.held_by(std::slice::from_ref(&receiver)));
        expected.push(by_receiver.followed(&["rst_received/peer_reset"]));
    }
    expected
}

/// Sends the socket to nobody, closes its copy, and closes the unix sockets it is in between.
pub(crate) fn lose_on_the_way(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    let (one, other) = UnixStream::pair()?;
    send(&one, &[stream.as_raw_fd()])?;
    drop(stream);
    Part::hold_still();
    drop((one, other));
    part.wait()
}

/// Sends the socket over a unix socket together with that unix socket's own other end, and closes
/// everything: only the kernel's search for such circles can find it (`net/unix/garbage.c`).
pub(crate) fn lose_in_a_circle(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    let (one, other) = UnixStream::pair()?;
    send(&one, &[stream.as_raw_fd(), other.as_raw_fd()])?;
    drop(stream);
    Part::hold_still();
    drop(other);
    drop(one);
    part.wait()
}

/// Reads to the end, then lets the server go: it must be there while the kernel collects.
pub(crate) fn read_to_end_and_cue(part: &mut Part) -> io::Result<()> {
    part.read_then_close()?;
    part.cue()
}

/// Nobody held the socket when its last reference went; who had held it before is known or not.
pub(crate) fn lost(truth: &Truth) -> Vec<Expected> {
    let held = truth.servers().map(|server| server.held_by(&[]));
    let mut expected: Vec<_> = held.collect();
    for mut ending in graceful::server_first(truth) {
        if ending.initiator.as_deref() == Some("local") {
            ending = ending.known(Known::Perhaps);
            ending.deferred = true;
        }
        expected.push(ending);
    }
    expected
}
