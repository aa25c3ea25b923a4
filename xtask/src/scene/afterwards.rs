//! What happens on one end after the other has closed, or half closed.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use super::{
    arrival::{self, FIN_WAIT2},
    cast, options,
    part::Part,
    raw::{self, SYN, Segment},
    reset::UNREAD,
    socket,
    truth::{Expected, Truth},
};

/// Longer than anybody should need to react.
const LONG: Duration = Duration::from_millis(1_200);

/// Shuts both directions, keeps the socket, and is sent data.
pub(crate) fn shut_and_hold(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    part.wait()?;
    stream.shutdown(Shutdown::Both)?;
    part.cue()?;
    part.wait()?;
    drop(stream);
    Ok(())
}

/// Closes, and stays until data has come for the socket that is gone.
pub(crate) fn close_and_stay(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    let client = stream.peer_addr()?;
    part.wait()?;
    drop(stream);
    arrival::await_stand_in(part.address, client)?;
    part.cue()?;
    part.wait()
}

/// Writes to a server that has closed, without having looked, and is reset.
pub(crate) fn write_unaware(part: &mut Part) -> io::Result<()> {
    let mut stream = part.connect()?;
    options::put_off_acknowledgements(&stream)?;
    part.cue()?;
    part.wait()?;
    arrival::await_end(&stream)?;
    stream.write_all(&UNREAD)?;
    arrival::await_hang_up(&stream)?;
    drop(stream);
    part.cue()
}

/// The server's socket was still there.
pub(crate) fn reset_by_socket(truth: &Truth) -> Vec<Expected> {
    let acts = ["fin_sent/app_shutdown_write", "rst_sent/data_after_close"];
    let servers = truth.servers().map(|server| {
        let server = server.began(&acts).because("TCP_ABORT_ON_DATA");
        server.answered_by_kernel()
    });
    truth.clients().map(wrote).chain(servers).collect()
}

/// A stand-in for the server's socket answered.
pub(crate) fn reset_by_stand_in(truth: &Truth) -> Vec<Expected> {
    let closed = truth.servers().map(|it| it.began(&["fin_sent/app_close"]));
    let answered = truth.servers().map(|it| {
        it.late_answer()
            .acted(&["rst_sent/data_after_close"], None)
            .because("TCP_TIMEWAIT_SOCKET")
    });
    truth
        .clients()
        .map(wrote)
        .chain(closed)
        .chain(answered)
        .collect()
}

fn wrote(client: Expected) -> Expected {
    client.followed(&[
        "fin_received/peer_closed",
        "rst_received/wrote_after_peer_close",
    ])
}

/// Sees the end, finds its port used again while it still holds the connection, and resets.
pub(crate) fn use_port_again(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    options::put_off_acknowledgements(&stream)?;
    part.cue()?;
    socket::read_to_end(&stream)?;
    part.wait()?;
    let seq = options::next_to_send(&stream)?;
    let (SocketAddr::V4(client), own) = (stream.peer_addr()?, part.address.port()) else {
        return Err(ErrorKind::Unsupported.into());
    };
    let segment = Segment {
        seq,
        ack: 0,
        flags: SYN,
        ..Segment::default()
    };
    raw::send(own, client, segment)?;
    socket::linger(&stream, Duration::ZERO)?;
    drop(stream);
    part.cue()
}

/// Closes first, and stays while its port is used.
pub(crate) fn close_and_wait(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    let local = stream.local_addr()?;
    part.wait()?;
    drop(stream);
    arrival::await_stand_in(local, part.address)?;
    part.cue()?;
    part.wait()
}

/// The client's stand-in answered the SYN.
pub(crate) fn port_used_again(truth: &Truth) -> Vec<Expected> {
    let mut expected = truth.both(
        |client| client.began(&["fin_sent/app_close"]),
        |server| server.followed(&["fin_received/peer_closed", "rst_sent/linger_zero"]),
    );
    expected.extend(truth.clients().map(|it| {
        it.late_answer()
            .acted(&["rst_sent/time_wait_violation"], None)
            .because("TCP_TIMEWAIT_SOCKET")
    }));
    expected
}

/// Keeps a connection for long after its client has closed it, then closes.
pub(crate) fn react_late(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    socket::read_to_end(&stream)?;
    thread::sleep(LONG);
    Ok(())
}

/// Uses the half-closed connection for as long, then closes.
pub(crate) fn answer_late(part: &mut Part) -> io::Result<()> {
    let mut stream = part.accept()?;
    socket::read_to_end(&stream)?;
    thread::sleep(LONG);
    stream.write_all(b"answer")
}

/// Never closes, and exits long after.
pub(crate) fn leak_and_exit(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    socket::read_to_end(&stream)?;
    thread::sleep(LONG);
    cast::leave(3)
}

/// The server took its time.
pub(crate) fn reacted_late(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.began(&["fin_sent/app_close", "fin_received/peer_closed?"]),
        |server| server.followed(&["fin_received/slow_reaction", "fin_sent/app_close"]),
    )
}

/// The server's exit closed.
pub(crate) fn leaked(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.began(&["fin_sent/app_close", "fin_received/peer_closed?"]),
        |server| {
            server
                .followed(&["fin_received/close_wait_leak", "fin_sent/process_exit"])
                .exited(3)
        },
    )
}

/// Shuts its sending side, waits for an end that does not come, and closes.
pub(crate) fn give_up_waiting(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    stream.shutdown(Shutdown::Write)?;
    arrival::await_state(stream.local_addr()?, part.address, Some(FIN_WAIT2))?;
    thread::sleep(LONG);
    drop(stream);
    part.cue()
}

/// Closes only when the client has given up.
pub(crate) fn close_too_late(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    part.wait()?;
    drop(stream);
    Ok(())
}

/// The client was left waiting.
pub(crate) fn left_waiting(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.began(&["fin_sent/fin_wait2_stuck"]),
        |server| server.followed(&["fin_received/slow_reaction", "fin_sent/app_close"]),
    )
}

/// Half closes, then closes without waiting for the server's FIN (`TCP_LINGER2` below zero).
pub(crate) fn never_wait(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    stream.shutdown(Shutdown::Write)?;
    arrival::await_state(stream.local_addr()?, part.address, Some(FIN_WAIT2))?;
    options::set(&stream, libc::TCP_LINGER2, -1)?;
    drop(stream);
    part.cue()
}

/// The client's close was an RST.
pub(crate) fn not_waited_for(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| {
            client
                .began(&["fin_sent/app_shutdown_write", "rst_sent/fin_wait2_timeout"])
                .because("TCP_ABORT_ON_LINGER")
        },
        |server| server.followed(&["fin_received/peer_closed", "rst_received/peer_reset"]),
    )
}

/// Leaves the connection alone for long, then resets it.
pub(crate) fn reset_after_idling(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    thread::sleep(LONG);
    socket::linger(&stream, Duration::ZERO)
}

/// The server had nothing under way.
pub(crate) fn reset_in_its_sleep(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.began(&["rst_sent/linger_zero"]).because("TCP_STATE"),
        |server| server.followed(&["rst_received/reset_while_idle"]),
    )
}

/// Destroys the server's socket from outside.
pub(crate) fn destroy_partners(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    if let Err(error) = options::destroy(part.address, stream.local_addr()?) {
        part.tell("skip", format_args!("SOCK_DESTROY is refused: {error}"))?;
    }
    part.cue()?;
    part.wait()
}

/// Finds its socket destroyed.
pub(crate) fn be_destroyed(part: &mut Part) -> io::Result<()> {
    let mut stream = part.accept()?;
    part.wait()?;
    let found: io::Result<TcpStream> = stream.read(&mut [0]).map(|_| stream);
    drop(found);
    part.cue()
}

/// The client acted on the server's socket.
pub(crate) fn destroyed(truth: &Truth) -> Vec<Expected> {
    let servers = truth.servers().map(|mut server| {
        server.actor = Some(truth.client.clone());
        server
            .began(&["rst_sent/socket_destroyed"])
            .because("TCP_STATE")
    });
    let clients = truth
        .clients()
        .map(|it| it.followed(&["rst_received/peer_reset"]));
    clients.chain(servers).collect()
}

/// Closes under repair, which the server does not see.
pub(crate) fn vanish(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    options::repair(&stream)?;
    drop(stream);
    part.cue()
}

/// Is left alone, and resets to nobody.
pub(crate) fn be_left(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    part.wait()?;
    socket::linger(&stream, Duration::ZERO)
}

/// Nothing was sent by the client.
pub(crate) fn vanished(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.began(&["destroyed/tcp_repair"]),
        |server| server.began(&["rst_sent/linger_zero"]),
    )
}
