//! A handshake that is completed when the listener's queue is full.

use std::{
    io::{self, Read as _},
    net::TcpStream,
    thread,
    time::Duration,
};

use socket2::{Domain, SockFilter, Socket, Type};

use super::{
    options,
    part::Part,
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
    super::socket::read_to_end(&stream)
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
    thread::sleep(Duration::from_millis(100));
    part.cue()?;
    part.wait()?;
    second.detach_filter()?;
    second.set_nonblocking(false)?;
    second.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut second = TcpStream::from(second);
    let mut refused = Err(io::Error::other("nobody answered"));
    for _ in 0..100 {
        refused = second.read(&mut [0]);
        match &refused {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                thread::sleep(Duration::from_millis(50));
            }
            Err(_) | Ok(_) => break,
        }
    }
    drop(second);
    part.cue()?;
    part.wait()?;
    drop(first);
    match refused {
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::other("there was room after all")),
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
