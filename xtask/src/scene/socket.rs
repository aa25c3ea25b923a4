//! Socket operations the scenes are made of; each returns when the kernel has done its part.
#![expect(unsafe_code, reason = "an address without a family has no safe form")]

use std::{
    io::{self, ErrorKind, Read as _},
    net::{SocketAddr, SocketAddrV4, TcpListener, TcpStream},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, SockFilter, SockRef, Socket, Type};

use super::raw;

/// Listens on `address`, which may have port zero.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    listen_by(
        address,
        Socket::new(Domain::for_address(address), Type::STREAM, None)?,
    )
}

/// Listens beside others who do the same (`SO_REUSEPORT`).
pub(crate) fn listen_shared(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_port(true)?;
    listen_by(address, socket)
}

/// Has an address that others may listen on (`SO_REUSEPORT`), and does not listen itself.
pub(crate) fn reserve_shared(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Binds the socket and listens.
fn listen_by(address: SocketAddr, socket: Socket) -> io::Result<TcpListener> {
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

/// A port of `address` that nobody has, a moment ago, and that the kernel gives to nobody who lets
/// it choose (`net.ipv4.ip_local_port_range` begins at 32,768 unless set): no later connection of
/// another scene is taken for one with this port.
pub(crate) fn free_port(address: SocketAddr) -> io::Result<SocketAddr> {
    /// Ports below those the kernel chooses from, and above those that services have.
    const PORTS: std::ops::Range<u16> = 16_384..32_768;
    static ASKED: AtomicU16 = AtomicU16::new(0);
    let [.., high, low] = std::process::id().to_be_bytes();
    // Processes that follow each other are far from each other.
    let first = u16::from_be_bytes([high, low]).wrapping_mul(331);
    for _ in 0..64 {
        let nth = first.wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + nth % (PORTS.end - PORTS.start);
        let wanted = SocketAddr::new(address.ip(), port);
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        match socket.bind(&wanted.into()) {
            Ok(()) => return Ok(wanted),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AddrInUse.into())
}

/// Reads until the peer's FIN.
pub(crate) fn read_to_end(mut stream: &TcpStream) -> io::Result<()> {
    stream.read_to_end(&mut Vec::new()).map(drop)
}

/// Reads until the peer's RST.
pub(crate) fn read_to_reset(mut stream: &TcpStream) -> io::Result<()> {
    match stream.read_to_end(&mut Vec::new()) {
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::other(
            "the peer finished in order, a reset was expected",
        )),
    }
}

/// Sets `SO_LINGER` on, with this time.
pub(crate) fn linger(stream: &TcpStream, time: Duration) -> io::Result<()> {
    SockRef::from(stream).set_linger(Some(time))
}

/// Drops the association by `connect(AF_UNSPEC)`, as `tcp_disconnect` does it.
pub(crate) fn disconnect(stream: &TcpStream) -> io::Result<()> {
    let storage = SockAddrStorage::zeroed();
    // SAFETY: sixteen zero bytes are a `sockaddr` whose family is AF_UNSPEC.
    let nowhere = unsafe { SockAddr::new(storage, 16) };
    SockRef::from(stream).connect(&nowhere)
}

/// Makes the socket lose every segment that arrives for it, until `hear`.
pub(crate) fn deafen(stream: &TcpStream) -> io::Result<()> {
    // BPF_RET | BPF_K with zero bytes kept: `tcp_filter` drops the segment.
    SockRef::from(stream).attach_filter(&[SockFilter::new(0x06, 0, 0, 0)])
}

/// Lets segments arrive again.
pub(crate) fn hear(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).detach_filter()
}

/// Sends one bare ACK to `to` from a port no socket has, and returns that port's address.
pub(crate) fn stray_ack(to: SocketAddrV4) -> io::Result<SocketAddr> {
    let from = free_port(SocketAddr::from((*to.ip(), 0)))?;
    send_ack(from.port(), to)?;
    Ok(from)
}

/// Sends one bare ACK to `to` as if from this port of the same address.
pub(crate) fn send_ack(from_port: u16, to: SocketAddrV4) -> io::Result<()> {
    let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::TCP))?;
    let mut segment = [0_u8; 20];
    let ports = from_port
        .to_be_bytes()
        .into_iter()
        .chain(to.port().to_be_bytes());
    let sequence = [0, 0, 0x10, 0, 0, 0, 0x20, 0];
    // Data offset of five words, ACK alone, a window.
    let rest = [0x50, 0x10, 0x04, 0];
    for (byte, value) in segment.iter_mut().zip(ports.chain(sequence).chain(rest)) {
        *byte = value;
    }
    let checksum = checksum(to, &segment);
    for (byte, value) in segment.iter_mut().skip(16).zip(checksum.to_be_bytes()) {
        *byte = value;
    }
    raw.send_to(&segment, &SocketAddr::V4(to).into())?;
    Ok(())
}

/// The checksum of RFC 9293 section 3.1, for a segment between two ports of one address.
fn checksum(both: SocketAddrV4, segment: &[u8; 20]) -> u16 {
    let address = both.ip().octets();
    let pseudo = address.into_iter().chain(address).chain([0, 6, 0, 20]);
    raw::checksum(pseudo.chain(*segment))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_segment_with_its_checksum_in_place_sums_to_zero() {
        let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 443);
        let mut segment = [7_u8; 20];
        segment[16..18].copy_from_slice(&[0, 0]);
        let sum = checksum(to, &segment);
        segment[16..18].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(checksum(to, &segment), 0);
    }
}
