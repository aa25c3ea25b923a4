//! Segments by hand: what no socket would send.

use std::{
    io,
    net::{SocketAddr, SocketAddrV4},
};

use socket2::{Domain, Protocol, Socket, Type};

/// Flags of RFC 9293, section 3.1.
pub(crate) const SYN: u8 = 2;
pub(crate) const ACK: u8 = 16;

/// What a segment says beside its addresses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Segment {
    /// Sequence number.
    pub(crate) seq: u32,
    /// Acknowledgement number.
    pub(crate) ack: u32,
    /// Flag bits.
    pub(crate) flags: u8,
    /// A timestamp echoed (RFC 7323), if there is such an option.
    pub(crate) echo: Option<u32>,
    /// The token of a connection of Multipath TCP to join (RFC 8684, section 3.2), likewise.
    pub(crate) join: Option<u32>,
}

/// Sends one segment between two ports of one address of this host.
pub(crate) fn send(from_port: u16, to: SocketAddrV4, segment: Segment) -> io::Result<()> {
    let mut bytes = Vec::new();
    bytes.extend(from_port.to_be_bytes());
    bytes.extend(to.port().to_be_bytes());
    bytes.extend(segment.seq.to_be_bytes());
    bytes.extend(segment.ack.to_be_bytes());
    let options = u8::from(segment.echo.is_some()) + u8::from(segment.join.is_some());
    let words = 5 + 3 * options;
    bytes.extend([words << 4, segment.flags, 0x04, 0, 0, 0, 0, 0]);
    if let Some(echo) = segment.echo {
        // Two fillers, then the option with a value of its own and the echo.
        bytes.extend([1, 1, 8, 10]);
        bytes.extend(1_u32.to_be_bytes());
        bytes.extend(echo.to_be_bytes());
    }
    if let Some(token) = segment.join {
        // Kind, length, what of Multipath TCP it is, the path's number; the token, any nonce.
        bytes.extend([30, 12, 0x10, 1]);
        bytes.extend(token.to_be_bytes());
        bytes.extend([7; 4]);
    }
    let address = to.ip().octets();
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    let pseudo = address.into_iter().chain(address).chain([0, 6]);
    let pseudo = pseudo.chain(length.to_be_bytes());
    let sum = checksum(pseudo.chain(bytes.iter().copied()));
    for (slot, byte) in bytes.iter_mut().skip(16).zip(sum.to_be_bytes()) {
        *slot = byte;
    }
    let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::TCP))?;
    raw.send_to(&bytes, &SocketAddr::V4(to).into())?;
    Ok(())
}

/// Tells `sender` that the host it sends to with this number cannot be reached (ICMP 3, 1).
pub(crate) fn unreachable(sender: SocketAddrV4, target: SocketAddrV4, seq: u32) -> io::Result<()> {
    let mut bytes = vec![3, 1, 0, 0, 0, 0, 0, 0];
    // The header of the segment it is about, without options, and the first eight bytes of TCP.
    bytes.extend([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]);
    bytes.extend(sender.ip().octets());
    bytes.extend(target.ip().octets());
    bytes.extend(sender.port().to_be_bytes());
    bytes.extend(target.port().to_be_bytes());
    bytes.extend(seq.to_be_bytes());
    let sum = checksum(bytes.iter().copied());
    for (slot, byte) in bytes.iter_mut().skip(2).zip(sum.to_be_bytes()) {
        *slot = byte;
    }
    let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
    raw.send_to(&bytes, &SocketAddr::V4(sender).into())?;
    Ok(())
}

/// The checksum of RFC 1071 over an even number of bytes.
pub(super) fn checksum(bytes: impl Iterator<Item = u8>) -> u16 {
    let bytes: Vec<u8> = bytes.collect();
    let words = bytes.as_chunks::<2>().0;
    let mut sum: u32 = words
        .iter()
        .map(|&pair| u32::from(u16::from_be_bytes(pair)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_with_their_checksum_in_place_sum_to_zero() {
        let mut bytes = vec![3, 1, 0, 0, 7, 7, 1, 2];
        let sum = checksum(bytes.iter().copied());
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(checksum(bytes.into_iter()), 0);
    }
}
