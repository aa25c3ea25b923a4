//! Socket options and settings of the namespace that make the kernel's long timers short.
#![expect(unsafe_code, reason = "these options have no safe form")]

use std::{
    fs, io,
    net::{SocketAddr, SocketAddrV4},
    os::fd::AsRawFd,
};

use socket2::{Domain, Protocol, Socket, Type};

/// `TCP_REPAIR_OFF_NO_WP` of `include/uapi/linux/tcp.h`.
const REPAIR_OFF: i32 = -1;

/// Sets an option of TCP that is one number.
pub(crate) fn set(socket: &impl AsRawFd, name: i32, value: i32) -> io::Result<()> {
    set_at(socket, libc::IPPROTO_TCP, name, value)
}

/// Has the kernel put off what it acknowledges: a FIN, then, is acknowledged when the call that queued
/// it is over. Else the socket may own itself just then, and stay without a stand-in
/// (`tcp_rcv_state_process`, `net/ipv4/tcp_input.c`).
pub(crate) fn put_off_acknowledgements(socket: &impl AsRawFd) -> io::Result<()> {
    set(socket, libc::TCP_QUICKACK, 0)
}

/// Turns keepalive on: a second of silence, then one probe a second, `probes` of them.
pub(crate) fn keep_alive(socket: &impl AsRawFd, probes: i32) -> io::Result<()> {
    set_at(socket, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
    set(socket, libc::TCP_KEEPIDLE, 1)?;
    set(socket, libc::TCP_KEEPINTVL, 1)?;
    set(socket, libc::TCP_KEEPCNT, probes)
}

/// Gives a socket, or what a listener accepts from now on, little room for what it receives. With much
/// less than this, a window that is open may have no room behind it, for what the kernel needs beside
/// each packet: then what fills it is dropped, and it never closes.
pub(crate) fn narrow(socket: &impl AsRawFd) -> io::Result<()> {
    set_at(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, 64 << 10)
}

/// Lets a listener have at most so many connections waiting, less one.
pub(crate) fn set_backlog(listener: &impl AsRawFd, backlog: i32) -> io::Result<()> {
    // SAFETY: listen takes two numbers; the descriptor is open.
    let result = unsafe { libc::listen(listener.as_raw_fd(), backlog) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn set_at(socket: &impl AsRawFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    let size = libc::socklen_t::try_from(size_of_val(&value)).map_err(io::Error::other)?;
    // SAFETY: the kernel reads one int, which `value` is.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn get(socket: &impl AsRawFd, name: i32) -> io::Result<i32> {
    let mut value = 0_i32;
    let mut size = libc::socklen_t::try_from(size_of_val(&value)).map_err(io::Error::other)?;
    // SAFETY: the kernel writes at most `size` bytes, one int.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            name,
            (&raw mut value).cast(),
            &raw mut size,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(value)
}

/// Puts a socket under repair: what happens to it now is not seen on the wire.
pub(crate) fn repair(socket: &impl AsRawFd) -> io::Result<()> {
    set(socket, libc::TCP_REPAIR, 1)
}

/// The number the next byte gets that this socket sends.
pub(crate) fn next_to_send(socket: &impl AsRawFd) -> io::Result<u32> {
    /// `TCP_SEND_QUEUE` of `include/uapi/linux/tcp.h`.
    const SEND_QUEUE: i32 = 2;
    repair(socket)?;
    set(socket, libc::TCP_REPAIR_QUEUE, SEND_QUEUE)?;
    let number = get(socket, libc::TCP_QUEUE_SEQ)?;
    set(socket, libc::TCP_REPAIR, REPAIR_OFF)?;
    Ok(number.cast_unsigned())
}

/// Gives a socket a key of TCP-MD5 for the segments it exchanges with an address.
pub(crate) fn sign(socket: &impl AsRawFd, peer: SocketAddrV4) -> io::Result<()> {
    // `struct tcp_md5sig` of `include/uapi/linux/tcp.h`: an address of 128 bytes, flags, prefix
    // length, length of the key, an interface, 80 bytes for the key.
    let mut request = [0_u8; 216];
    let family = u16::try_from(libc::AF_INET).map_err(io::Error::other)?;
    let address = family
        .to_ne_bytes()
        .into_iter()
        .chain([0, 0])
        .chain(peer.ip().octets());
    for (slot, byte) in request.iter_mut().zip(address) {
        *slot = byte;
    }
    let key = 6_u16
        .to_ne_bytes()
        .into_iter()
        .chain([0; 4])
        .chain(*b"secret");
    for (slot, byte) in request.iter_mut().skip(130).zip(key) {
        *slot = byte;
    }
    let size = libc::socklen_t::try_from(size_of_val(&request)).map_err(io::Error::other)?;
    // SAFETY: the kernel reads `size` bytes of `request`, which has that many.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_MD5SIG,
            request.as_ptr().cast(),
            size,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Sets `net.ipv4.NAME` of the network namespace this process is in.
pub(crate) fn sysctl(name: &str, value: u32) -> io::Result<()> {
    fs::write(format!("/proc/sys/net/ipv4/{name}"), value.to_string())
}

/// The same, and what it was before.
pub(crate) fn replace_sysctl(name: &str, value: u32) -> io::Result<u32> {
    let before = fs::read_to_string(format!("/proc/sys/net/ipv4/{name}"))?;
    sysctl(name, value)?;
    before.trim().parse().map_err(io::Error::other)
}

/// Destroys the socket with this tuple from outside, as `ss -K` does (`sock_diag(7)`).
pub(crate) fn destroy(local: SocketAddr, remote: SocketAddr) -> io::Result<()> {
    const NETLINK_SOCK_DIAG: i32 = 4;
    const SOCK_DESTROY: u16 = 21;
    const REQUEST_AND_ACK: u16 = 5;
    let (SocketAddr::V4(local), SocketAddr::V4(remote)) = (local, remote) else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let mut message = Vec::new();
    message.extend(72_u32.to_ne_bytes());
    message.extend(SOCK_DESTROY.to_ne_bytes());
    message.extend(REQUEST_AND_ACK.to_ne_bytes());
    // Number and sender, then `struct inet_diag_req_v2`: family, protocol, nothing more, all states.
    message.extend([0; 8]);
    message.extend([2, 6, 0, 0]);
    message.extend(u32::MAX.to_ne_bytes());
    message.extend(local.port().to_be_bytes());
    message.extend(remote.port().to_be_bytes());
    for end in [local, remote] {
        message.extend(end.ip().octets());
        message.extend([0; 12]);
    }
    // Any interface, any cookie.
    message.extend([0; 4]);
    message.extend([0xff; 8]);
    let netlink = Socket::new(
        Domain::from(libc::AF_NETLINK),
        Type::DGRAM,
        Some(Protocol::from(NETLINK_SOCK_DIAG)),
    )?;
    netlink.send(&message)?;
    let mut answer = [std::mem::MaybeUninit::<u8>::uninit(); 64];
    let length = netlink.recv(&mut answer)?;
    // SAFETY: the kernel wrote `length` bytes.
    let bytes: Vec<u8> = answer
        .iter()
        .take(length)
        .map(|byte| unsafe { byte.assume_init() })
        .collect();
    let code = bytes.get(16..20).and_then(|code| code.try_into().ok());
    match code.map_or(0, i32::from_ne_bytes) {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(-code)),
    }
}
