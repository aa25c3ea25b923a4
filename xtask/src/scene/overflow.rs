//! A handshake that is completed when the listener's queue is full.

use std::io;

use socket2::{Domain, SockFilter, Socket, Type};

use super::{
    arrival, options,
    part::Part,
    socket,
    truth::{Expected, Truth},
};

/// Lets its queue fill up: nobody is accepted before the second client was refused.
pub(crate) fn fill_up(part: &mut Part) -> io::Result<()> {
    options::sysctl("tcp_abort_on_overflow", 1)?;
    part.wait()?;
    if let Some(listener) = &part.listener {
        options::set_backlog(listener, 0)?;
    }
    part.cue()?;
    part.wait()?;
    let stream = part.accept()?;
    socket::read_to_end(&stream)
}

/// One client waits in the queue; another completes its handshake when there is no more room.
///
/// It does not hear the first answer to its SYN, so that the answer comes again a second later.
pub(crate) fn come_too_late(part: &mut Part) -> io::Result<()> {
    let first = part.reach()?;
    let second = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    second.attach_filter(&[SockFilter::new(0x06, 0, 0, 0)])?;
    second.set_nonblocking(true)?;
    let _under_way = second.connect(&part.address.into());
    let local = second.local_addr()?.as_socket();
    part.tell_connection(local.ok_or(io::ErrorKind::AddrNotAvailable)?)?;
    arrival::let_arrive()?;
    part.cue()?;
    part.wait()?;
    second.detach_filter()?;
    arrival::await_hang_up(&second)?;
    let refused = second.take_error()?;
    drop(second);
    part.cue()?;
    part.wait()?;
    drop(first);
    match refused {
        Some(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
        Some(error) => Err(error),
        None => Err(io::Error::other("nobody was refused")),
    }
}

/// The first is served in order, the second refused in the name of the listener.
pub(crate) fn refused(truth: &Truth) -> Vec<Expected> {
    let in_order = ["fin_sent/app_close", "fin_received/peer_closed?"];
    let first = truth.clients().take(1).map(|it| it.began(&in_order));
    let served = truth
        .servers()
        .take(1)
        .map(|it| it.followed(&["fin_received/peer_closed", "fin_sent/app_close"]));
    let second = truth
        .clients()
        .skip(1)
        .map(|it| it.followed(&["rst_received/peer_reset"]));
    let listener = truth.servers().skip(1).map(|it| {
        it.answer()
            .acted(&["rst_sent/accept_queue_overflow"], None)
            .because("INVALID_SYN")
    });
    first.chain(served).chain(second).chain(listener).collect()
}
