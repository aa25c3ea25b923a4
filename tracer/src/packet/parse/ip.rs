//! IPv4 with options, IPv6 with extension headers (RFC 791, RFC 8200).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{NotSegment, Rest, link::Version, tcp};
use crate::model::segment::Headers;

const TCP: u8 = 6;

/// Extension headers of RFC 8200, of AH (RFC 4302), and those that have the common form of RFC 6564.
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const HOST_IDENTITY: u8 = 139;
const SHIM6: u8 = 140;

/// The segment in a packet.
pub(super) fn segment(version: Version, packet: Rest<'_>) -> Result<Headers, NotSegment> {
    match version {
        Version::V4 => v4(packet),
        Version::V6 => v6(packet),
    }
}

fn v4(packet: Rest<'_>) -> Result<Headers, NotSegment> {
    let (
        &[
            first,
            _,
            l0,
            l1,
            _,
            _,
            f0,
            f1,
            _,
            protocol,
            _,
            _,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ],
        _,
    ) = packet.take::<20>()?;
    let header_bytes = usize::from(first & 0x0f) * 4;
    // Zero stands for more than 65,535 bytes that a device is yet to cut into segments (BIG TCP).
    let total = match u16::from_be_bytes([l0, l1]) {
        0 => packet.promised(),
        total => usize::from(total),
    };
    if first >> 4 != 4 || header_bytes < 20 || total < header_bytes {
        return Err(NotSegment::Malformed);
    }
    if protocol != TCP {
        return Err(NotSegment::NotTcp);
    }
    if u16::from_be_bytes([f0, f1]) & 0x1fff != 0 {
        return Err(NotSegment::Fragment);
    }
    let source = IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3));
    let destination = IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3));
    let segment = packet.promising(total).skip(header_bytes)?;
    tcp::headers(source, destination, segment)
}

/// With a routing header the destination is the next stop, as on the wire, not the last.
fn v6(packet: Rest<'_>) -> Result<Headers, NotSegment> {
    let (&[first, _, _, _, l0, l1, next, _], rest) = packet.take::<8>()?;
    let (source, rest) = rest.take::<16>()?;
    let (destination, rest) = rest.take::<16>()?;
    if first >> 4 != 6 {
        return Err(NotSegment::Malformed);
    }
    // Zero stands for a jumbogram (RFC 2675), or for BIG TCP as in `v4`.
    let payload = match u16::from_be_bytes([l0, l1]) {
        0 => rest,
        length => rest.promising(usize::from(length)),
    };
    let source = IpAddr::V6(Ipv6Addr::from(*source));
    let destination = IpAddr::V6(Ipv6Addr::from(*destination));
    tcp::headers(source, destination, behind_extensions(next, payload)?)
}

/// What follows the extension headers; each takes at least eight bytes, so they end.
fn behind_extensions(mut next: u8, mut rest: Rest<'_>) -> Result<Rest<'_>, NotSegment> {
    loop {
        let length = match next {
            TCP => return Ok(rest),
            HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY | HOST_IDENTITY | SHIM6 => {
                let ([_, eights], _) = rest.take::<2>()?;
                (usize::from(*eights) + 1) * 8
            }
            AUTHENTICATION => {
                let ([_, fours], _) = rest.take::<2>()?;
                (usize::from(*fours) + 2) * 4
            }
            FRAGMENT => {
                let (&[inside, _, o0, o1], _) = rest.take::<4>()?;
                if u16::from_be_bytes([o0, o1]) & 0xfff8 != 0 {
                    return Err(later_fragment(inside));
                }
                8
            }
            _ => return Err(NotSegment::NotTcp),
        };
        let ([following], _) = rest.take::<1>()?;
        next = *following;
        rest = rest.skip(length)?;
    }
}

/// What a fragment other than the first is a part of: behind further headers it may be TCP.
const fn later_fragment(inside: u8) -> NotSegment {
    match inside {
        TCP | AUTHENTICATION | DESTINATION => NotSegment::Fragment,
        _ => NotSegment::NotTcp,
    }
}
