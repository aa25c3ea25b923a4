//! Waiting for what the kernel does by itself, by conditions: how long it takes depends on the machine.
#![expect(
    unsafe_code,
    reason = "an ioctl and an option of many numbers have no safe form"
)]

use std::{
    fs,
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::{AsFd, AsRawFd},
    thread,
    time::Duration,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

use super::cast::PATIENCE;

/// States of `enum` in `include/net/tcp_states.h`, as `/proc/net/tcp` tells them.
pub(crate) const FIN_WAIT1: u8 = 4;
pub(crate) const FIN_WAIT2: u8 = 5;

/// How often it is looked whether a condition holds.
const LOOK: Duration = Duration::from_millis(2);

/// In so many looks in a row nothing passing is seen.
const CLEARLY: u32 = 250;

/// Looks until `holds`.
fn until(mut holds: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
        if holds()? {
            return Ok(());
        }
        thread::sleep(LOOK);
    }
    Err(ErrorKind::TimedOut.into())
}

/// Waits until `bytes` bytes have arrived, and leaves them unread.
pub(crate) fn await_unread(stream: &TcpStream, bytes: usize) -> io::Result<()> {
    let mut buffer = vec![0; bytes];
    until(|| Ok(stream.peek(&mut buffer)? >= bytes))
}

/// Waits until the peer has acknowledged everything we sent.
pub(crate) fn await_acknowledged(stream: &TcpStream) -> io::Result<()> {
    until(|| Ok(unacknowledged(stream)? == 0))
}

/// Waits until the peer's FIN has come, and reads nothing.
pub(crate) fn await_end(socket: &impl AsFd) -> io::Result<()> {
    // nix has no name for it.
    await_event(socket, PollFlags::from_bits_retain(libc::POLLRDHUP))
}

/// Waits until the socket is closed or has an error, by whatever came or did not come for it.
pub(crate) fn await_hang_up(socket: &impl AsFd) -> io::Result<()> {
    // These two are told without being asked for.
    await_event(socket, PollFlags::empty())
}

fn await_event(socket: &impl AsFd, event: PollFlags) -> io::Result<()> {
    let patience = PollTimeout::try_from(PATIENCE).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(socket.as_fd(), event)], patience)? {
        0 => Err(ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }
}

/// Waits until the kernel has asked a peer without a window whether there is room by now.
pub(crate) fn await_probe(stream: &TcpStream) -> io::Result<()> {
    // A probe that could take data along sets the count to zero (`tcp_send_probe0`); with segments under
    // way it counts their retransmissions instead.
    until(|| {
        let told = information(stream)?;
        Ok(told.tcpi_backoff > 0 && told.tcpi_unacked == 0 && told.tcpi_retransmits == 0)
    })
}

/// Waits until a connection waits to be accepted.
pub(crate) fn await_waiting(listener: &TcpListener) -> io::Result<()> {
    until(|| Ok(waiting(listener)? > 0))
}

/// Waits until the socket with these ends, in this network namespace, is in this state, or gone.
pub(crate) fn await_state(
    local: SocketAddr,
    remote: SocketAddr,
    state: Option<u8>,
) -> io::Result<()> {
    let socket = format!(" {} {} ", in_table(local)?, in_table(remote)?);
    let state = state.map(|state| format!("{socket}{state:02X} "));
    until(|| {
        let table = fs::read_to_string("/proc/thread-self/net/tcp")?;
        Ok(match &state {
            Some(wanted) => table.contains(wanted),
            None => !table.contains(&socket),
        })
    })
}

/// Waits until a stand-in has taken the place of the socket with these ends that has closed: it comes
/// with the acknowledgement of the FIN. Its timer is of a kind of its own (`get_timewait4_sock`,
/// `net/ipv4/tcp_ipv4.c`).
pub(crate) fn await_stand_in(local: SocketAddr, remote: SocketAddr) -> io::Result<()> {
    let socket = format!(" {} {} ", in_table(local)?, in_table(remote)?);
    let stand_in = format!("{socket}{FIN_WAIT2:02X} 00000000:00000000 03:");
    until_left(&socket, |table| table.contains(&stand_in))
}

/// Waits until nothing is left of the socket with these ends that has closed.
pub(crate) fn await_gone(local: SocketAddr, remote: SocketAddr) -> io::Result<()> {
    let socket = format!(" {} {} ", in_table(local)?, in_table(remote)?);
    until_left(&socket, |table| !table.contains(&socket))
}

/// Looks at the table of sockets until `holds`, or until it is clear that the kernel keeps the socket
/// itself for a minute: it does where the acknowledgement of its FIN came while it was being closed
/// (`tcp_rcv_state_process`, `net/ipv4/tcp_input.c`), which nobody can rule out on a busy machine.
fn until_left(socket: &str, holds: impl Fn(&str) -> bool) -> io::Result<()> {
    let keeps_itself = format!("{socket}{FIN_WAIT2:02X} 00000000:00000000 02:");
    let mut kept = 0;
    until(|| {
        let table = fs::read_to_string("/proc/thread-self/net/tcp")?;
        kept = if table.contains(&keeps_itself) {
            kept + 1
        } else {
            0
        };
        if kept == CLEARLY {
            return Err(io::Error::other(
                "the kernel kept the socket it was to give up",
            ));
        }
        Ok(holds(&table))
    })
}

/// An end as `/proc/net/tcp` writes it.
fn in_table(end: SocketAddr) -> io::Result<String> {
    let SocketAddr::V4(end) = end else {
        return Err(ErrorKind::Unsupported.into());
    };
    let address = u32::from_ne_bytes(end.ip().octets());
    Ok(format!("{address:08X}:{:04X}", end.port()))
}

/// Waits until what this process has sent over loopback has arrived: each processor takes what was
/// sent from it in order, so that what is sent from each of them now comes after it.
pub(crate) fn let_arrive() -> io::Result<()> {
    let this = Pid::from_raw(0);
    let all = sched_getaffinity(this)?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(socket.local_addr()?)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    for processor in 0..CpuSet::count() {
        if all.is_set(processor)? {
            let mut here = CpuSet::new();
            here.set(processor)?;
            sched_setaffinity(this, &here)?;
            socket.send(b".")?;
            socket.recv(&mut [0])?;
        }
    }
    Ok(sched_setaffinity(this, &all)?)
}

/// A counter of this network namespace, of the file `netstat` or `snmp`; zero where the kernel does
/// not count it.
pub(crate) fn counted(file: &str, group: &str, name: &str) -> io::Result<u32> {
    let text = fs::read_to_string(format!("/proc/thread-self/net/{file}"))?;
    let group = format!("{group}: ");
    // Two lines for each group: the names, and then the numbers.
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(&group));
    let names = lines.next().unwrap_or_default().split(' ');
    let numbers = lines.next().unwrap_or_default().split(' ');
    let found = names.zip(numbers).find(|it| it.0 == name);
    Ok(found.and_then(|it| it.1.parse().ok()).unwrap_or(0))
}

/// Bytes sent and not acknowledged, of `SIOCOUTQ` (`tcp_ioctl`, `net/ipv4/tcp.c`).
fn unacknowledged(stream: &TcpStream) -> io::Result<i32> {
    let mut bytes = 0_i32;
    // SAFETY: SIOCOUTQ (the same number as TIOCOUTQ) writes one int, which `bytes` is.
    let result = unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(bytes)
}

/// How many connections wait to be accepted: the kernel tells the queue's length of a listening
/// socket in place of what is unacknowledged (`tcp_get_info`, `net/ipv4/tcp.c`).
pub(crate) fn waiting(listener: &TcpListener) -> io::Result<u32> {
    Ok(information(listener)?.tcpi_unacked)
}

/// What the kernel tells of a socket of TCP.
fn information(socket: &impl AsRawFd) -> io::Result<libc::tcp_info> {
    // SAFETY: `tcp_info` is plain integers, for which zero is a value.
    let mut told: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut size = libc::socklen_t::try_from(size_of_val(&told)).map_err(io::Error::other)?;
    // SAFETY: TCP_INFO writes at most `size` bytes, which `told` has.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut told).cast(),
            &raw mut size,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(told)
}
