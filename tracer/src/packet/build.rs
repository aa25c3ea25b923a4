//! A raw IP packet from the headers of a segment: for segments of which no bytes were kept.
//!
//! The payload is left out, so a packet is as long as its headers; the IP header tells the length
//! it had.

use std::net::SocketAddr;

use crate::model::segment::Headers;

const TCP: u8 = 6;
/// What a packet of unknown distance is given.
const HOPS: u8 = 64;

/// The packet, of link type `Raw`, and how long it was on the wire.
///
/// Both ends of a mixed pair of addresses are written as IPv6. A length that the IP header cannot
/// tell is told as zero, as the kernel does before segmentation. The checksum of IPv4 is right;
/// that of TCP is zero, since the payload is not known.
#[must_use]
pub fn packet(headers: &Headers) -> (Vec<u8>, u32) {
    let segment = segment(headers);
    let (SocketAddr::V4(source), SocketAddr::V4(destination)) =
        (headers.source, headers.destination)
    else {
        return v6(headers, &segment);
    };
    let original = length(20, &segment, headers);
    let total = u16::try_from(original).unwrap_or(0).to_be_bytes();
    let mut packet = vec![0x45, 0];
    packet.extend(total);
    // No identification; must not be fragmented.
    packet.extend([0, 0, 0x40, 0, HOPS, TCP, 0, 0]);
    packet.extend(source.ip().octets());
    packet.extend(destination.ip().octets());
    let sum = checksum(&packet).to_be_bytes();
    for (to, from) in packet.iter_mut().skip(10).zip(sum) {
        *to = from;
    }
    packet.extend(segment);
    (packet, original)
}

fn v6(headers: &Headers, segment: &[u8]) -> (Vec<u8>, u32) {
    let original = length(40, segment, headers);
    let payload = u16::try_from(original.saturating_sub(40)).unwrap_or(0);
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(payload.to_be_bytes());
    packet.extend([TCP, HOPS]);
    for end in [headers.source, headers.destination] {
        packet.extend(match end {
            SocketAddr::V4(end) => end.ip().to_ipv6_mapped().octets(),
            SocketAddr::V6(end) => end.ip().octets(),
        });
    }
    packet.extend(segment);
    (packet, original)
}

fn length(ip_bytes: u32, segment: &[u8], headers: &Headers) -> u32 {
    u32::try_from(segment.len())
        .unwrap_or(u32::MAX)
        .saturating_add(ip_bytes)
        .saturating_add(headers.payload_bytes)
}

/// The TCP header with its timestamps.
fn segment(headers: &Headers) -> Vec<u8> {
    let mut segment = Vec::with_capacity(32);
    segment.extend(headers.source.port().to_be_bytes());
    segment.extend(headers.destination.port().to_be_bytes());
    segment.extend(headers.seq.to_be_bytes());
    segment.extend(headers.ack.to_be_bytes());
    let words: u8 = if headers.timestamps.is_some() { 8 } else { 5 };
    segment.extend([words << 4, headers.flags.0]);
    segment.extend(headers.window.to_be_bytes());
    // Checksum, urgent pointer.
    segment.extend([0; 4]);
    if let Some(timestamps) = headers.timestamps {
        // Two of no operation before it, so that its numbers are aligned, as the kernel writes it.
        segment.extend([1, 1, 8, 10]);
        segment.extend(timestamps.value.to_be_bytes());
        segment.extend(timestamps.echo.to_be_bytes());
    }
    segment
}

/// The checksum of an IPv4 header (RFC 791, section 3.1).
fn checksum(header: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in header.chunks(2) {
        if let &[high, low] = pair {
            sum += u32::from(u16::from_be_bytes([high, low]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}
