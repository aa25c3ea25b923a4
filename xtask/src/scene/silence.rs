//! Connections given up because nobody answers: the server's socket is made deaf.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::TcpStream,
    thread,
    time::Duration,
};

use super::{
    arrival, options,
    part::Part,
    reset::UNREAD,
    socket,
    truth::{Expected, Truth},
};

/// Accepts, hears nothing from then on, and resets when the client is done, so that nothing is left.
pub(crate) fn go_deaf(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    part.wait()?;
    socket::deafen(&stream)?;
    part.cue()?;
    part.wait()?;
    socket::linger(&stream, Duration::ZERO)
}

/// As `go_deaf`, with little room for what it never reads.
pub(crate) fn go_deaf_when_full(part: &mut Part) -> io::Result<()> {
    if let Some(listener) = &part.listener {
        options::narrow(listener)?;
    }
    go_deaf(part)
}

/// Waits until the kernel has given the connection up.
fn await_timeout(part: &mut Part, mut stream: TcpStream) -> io::Result<()> {
    let ended = stream.read(&mut [0]);
    drop(stream);
    part.cue()?;
    match ended {
        Err(error) if error.kind() == ErrorKind::TimedOut => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::other("the connection was not given up")),
    }
}

/// Connects, lets the server go deaf, and goes on.
fn connect_to_deaf(part: &mut Part) -> io::Result<TcpStream> {
    let stream = part.connect()?;
    part.cue()?;
    part.wait()?;
    Ok(stream)
}

/// Keeps an idle connection alive in vain.
pub(crate) fn keep_alive(part: &mut Part) -> io::Result<()> {
    let stream = connect_to_deaf(part)?;
    options::keep_alive(&stream, 1)?;
    await_timeout(part, stream)
}

/// The same, with a time limit that the keepalive timer enforces.
pub(crate) fn keep_alive_limited(part: &mut Part) -> io::Result<()> {
    let stream = connect_to_deaf(part)?;
    options::keep_alive(&stream, 9)?;
    options::set(&stream, libc::TCP_USER_TIMEOUT, 500)?;
    await_timeout(part, stream)
}

/// Sends within a time limit, in vain.
pub(crate) fn send_limited(part: &mut Part) -> io::Result<()> {
    let mut stream = connect_to_deaf(part)?;
    options::set(&stream, libc::TCP_USER_TIMEOUT, 400)?;
    stream.write_all(&UNREAD)?;
    await_timeout(part, stream)
}

/// Sends in vain, in a namespace with little patience.
pub(crate) fn send_in_vain(part: &mut Part) -> io::Result<()> {
    options::sysctl("tcp_retries2", 1)?;
    let mut stream = connect_to_deaf(part)?;
    stream.write_all(&UNREAD)?;
    await_timeout(part, stream)
}

/// Fills the server's window, which then stays closed without a word. What is left of it the kernel's
/// first question fills (`tcp_write_wakeup`, `net/ipv4/tcp_output.c`); only then it may lose patience.
pub(crate) fn fill_window(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    fill_buffers(&stream)?;
    arrival::await_probe(&stream)?;
    options::sysctl("tcp_retries2", 2)?;
    part.cue()?;
    part.wait()?;
    await_timeout(part, stream)
}

/// Writes until nothing more fits.
pub(crate) fn fill_buffers(mut stream: &TcpStream) -> io::Result<()> {
    let chunk = [0; 16 << 10];
    stream.set_nonblocking(true)?;
    let full = loop {
        if let Err(error) = stream.write(&chunk) {
            break error;
        }
    };
    stream.set_nonblocking(false)?;
    if full.kind() == ErrorKind::WouldBlock {
        Ok(())
    } else {
        Err(full)
    }
}

/// Closes with data that nobody acknowledges.
pub(crate) fn leave_orphan(part: &mut Part) -> io::Result<()> {
    options::sysctl("tcp_orphan_retries", 1)?;
    leave_silently(part)?;
    part.cue()
}

/// Closes with data that nobody acknowledges, when the machine is to have no such sockets.
pub(crate) fn leave_orphan_too_many(part: &mut Part) -> io::Result<()> {
    let before = [("tcp_orphan_retries", 1), ("tcp_max_orphans", 0)]
        .map(|(name, value)| options::replace_sysctl(name, value).map(|old| (name, old)));
    // Counted when it is sent; what memory is aborted for, only when the socket is gone.
    let sent = arrival::counted("snmp", "Tcp", "OutRsts")?;
    let left = leave_silently(part);
    for setting in before {
        let (name, old) = setting?;
        options::sysctl(name, old)?;
    }
    left?;
    let sent = arrival::counted("snmp", "Tcp", "OutRsts")? - sent;
    part.tell("resets", sent)?;
    part.cue()
}

/// Writes to a deaf server, closes, and waits until the kernel has given up.
fn leave_silently(part: &mut Part) -> io::Result<()> {
    let mut stream = connect_to_deaf(part)?;
    stream.write_all(&UNREAD)?;
    let local = stream.local_addr()?;
    drop(stream);
    arrival::await_state(local, part.address, None)
}

/// Keeps an idle connection alive, and closes it.
pub(crate) fn keep_alive_answered(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    options::keep_alive(&stream, 1)?;
    thread::sleep(Duration::from_millis(1_300));
    drop(stream);
    Ok(())
}

/// The client's kernel acts by itself, in this way; the server resets to nobody.
fn given_up(truth: &Truth, acts: &[&str]) -> Vec<Expected> {
    let client = truth
        .clients()
        .map(|client| client.acted(acts, None).by_timer());
    let server = truth
        .servers()
        .map(|it| it.began(&["rst_sent/linger_zero"]));
    client.chain(server).collect()
}

/// Probes went without an answer.
pub(crate) fn kept_in_vain(truth: &Truth) -> Vec<Expected> {
    let mut expected = given_up(truth, &["rst_sent/keepalive_timeout"]);
    for client in expected.iter_mut().take(1) {
        *client = client.clone().because("TCP_KEEPALIVE_TIMEOUT").proved_by(&[
            "keepalive=on",
            "keepalive_time_s=1",
            "keepalive_interval_s=1",
            "probes_allowed=1",
        ]);
    }
    expected
}

/// The limit was that of idle connections.
pub(crate) fn limited_idle(truth: &Truth) -> Vec<Expected> {
    given_up(truth, &["rst_sent/user_timeout"])
}

/// The limit was that of data.
pub(crate) fn limited_data(truth: &Truth) -> Vec<Expected> {
    given_up(truth, &["timeout/user_timeout"])
}

/// Nothing was acknowledged.
pub(crate) fn never_acknowledged(truth: &Truth) -> Vec<Expected> {
    given_up(truth, &["timeout/retransmissions_exhausted"])
}

/// The window stayed closed.
pub(crate) fn never_opened(truth: &Truth) -> Vec<Expected> {
    let mut expected = given_up(truth, &["timeout/zero_window_timeout"]);
    // What filled its window is still there when it closes, and goes before its lingering.
    for server in expected.iter_mut().skip(1) {
        *server = server.clone().began(&["rst_sent/closed_with_unread_data"]);
    }
    expected
}

/// The FIN, as a call of the client's, and the end without one.
pub(crate) fn orphaned(truth: &Truth) -> Vec<Expected> {
    let acts = ["fin_sent/app_close", "timeout/orphaned"];
    let client = truth.clients().map(|client| client.began(&acts));
    let server = truth
        .servers()
        .map(|it| it.began(&["rst_sent/linger_zero"]));
    client.chain(server).collect()
}

/// The FIN, as a call of the client's, and a timer's RST. Kernels count orphans roughly
/// (`tcp_too_many_orphans`, `include/net/tcp.h`): one that finds none too many goes on as always.
pub(crate) fn orphaned_too_many(truth: &Truth) -> Vec<Expected> {
    let mut expected = orphaned(truth);
    if truth.number("resets") == 0 {
        return expected;
    }
    let acts = ["fin_sent/app_close", "rst_sent/orphan_pressure"];
    for client in expected.iter_mut().take(1) {
        let ending = client.clone().began(&acts).answered_by_kernel();
        *client = ending.because("TCP_ABORT_ON_MEMORY");
    }
    expected
}
