//! The headers before IP: Ethernet, VLAN tags, cooked captures, BSD loopback.

use super::{NotSegment, Rest};
use crate::{model::segment::Direction, packet::link::Link};

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// 802.1Q, 802.1ad, and what was used for stacked tags before 802.1ad.
const ETHERTYPES_VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];

/// Which IP follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V4,
    V6,
}

/// What the link layer says, and the packet it carries.
pub(super) struct Inside<'a> {
    pub(super) version: Version,
    pub(super) packet: Rest<'a>,
    pub(super) vlan: Option<u16>,
    pub(super) direction: Direction,
    pub(super) device: Option<u32>,
}

impl<'a> Inside<'a> {
    const fn new(version: Version, packet: Rest<'a>) -> Self {
        Self {
            version,
            packet,
            vlan: None,
            direction: Direction::Unknown,
            device: None,
        }
    }
}

/// Opens a frame.
pub(super) fn open(link: Link, frame: Rest<'_>) -> Result<Inside<'_>, NotSegment> {
    match link {
        Link::Ethernet => {
            let (_addresses, rest) = frame.take::<12>()?;
            let (ethertype, rest) = number(rest)?;
            by_ethertype(ethertype, rest)
        }
        Link::Sll => sll(frame),
        Link::Sll2 => sll2(frame),
        Link::Raw => Ok(Inside::new(version(frame)?, frame)),
        Link::Ipv4 => Ok(Inside::new(Version::V4, frame)),
        Link::Ipv6 => Ok(Inside::new(Version::V6, frame)),
        Link::Null | Link::Loop => loopback(link, frame),
        Link::Unknown(_) => Err(NotSegment::UnknownLinkType),
    }
}

/// The VLAN identifier and the `EtherType` of a tag, and what follows it.
pub(in crate::packet) fn untag(bytes: &[u8]) -> Option<(u16, u16, &[u8])> {
    let (tag, rest) = bytes.split_first_chunk::<4>()?;
    let [tci0, tci1, type0, type1] = *tag;
    let identifier = u16::from_be_bytes([tci0, tci1]) & 0x0fff;
    Some((identifier, u16::from_be_bytes([type0, type1]), rest))
}

/// What an `EtherType` announces; tags may be stacked.
fn by_ethertype(mut ethertype: u16, mut rest: Rest<'_>) -> Result<Inside<'_>, NotSegment> {
    let mut vlan = None;
    while ETHERTYPES_VLAN.contains(&ethertype) {
        let identifier;
        (identifier, rest) = number(rest)?;
        (ethertype, rest) = number(rest)?;
        vlan.get_or_insert(identifier & 0x0fff);
    }
    let version = match ethertype {
        ETHERTYPE_IPV4 => Version::V4,
        ETHERTYPE_IPV6 => Version::V6,
        _ => return Err(NotSegment::NotIp),
    };
    Ok(Inside {
        vlan,
        ..Inside::new(version, rest)
    })
}

/// Linux cooked capture: packet type, device type, address with its length, protocol.
fn sll(frame: Rest<'_>) -> Result<Inside<'_>, NotSegment> {
    let (kind, rest) = number(frame)?;
    let (_address, rest) = rest.take::<12>()?;
    let (protocol, rest) = number(rest)?;
    Ok(Inside {
        direction: direction(kind),
        ..by_ethertype(protocol, rest)?
    })
}

/// Linux cooked capture, version 2: protocol, reserved, device, device type, packet type, address.
fn sll2(frame: Rest<'_>) -> Result<Inside<'_>, NotSegment> {
    let (protocol, rest) = number(frame)?;
    let (_reserved, rest) = rest.take::<2>()?;
    let (device, rest) = rest.take::<4>()?;
    let (_device_type, rest) = rest.take::<2>()?;
    let ([kind], rest) = rest.take::<1>()?;
    let (_address, rest) = rest.take::<9>()?;
    Ok(Inside {
        direction: direction(u16::from(*kind)),
        device: Some(u32::from_be_bytes(*device)).filter(|&device| device != 0),
        ..by_ethertype(protocol, rest)?
    })
}

/// `PACKET_HOST`, … `PACKET_OUTGOING` of `include/uapi/linux/if_packet.h`.
fn direction(kind: u16) -> Direction {
    match kind {
        // 3 is for another host: seen on a port of a bridge, or in promiscuous mode.
        0..=3 => Direction::Received,
        4 => Direction::Transmitted,
        _ => Direction::Unknown,
    }
}

/// BSD loopback: the address family of the system that captured, of which three have their own.
fn loopback(link: Link, frame: Rest<'_>) -> Result<Inside<'_>, NotSegment> {
    let (family, rest) = frame.take::<4>()?;
    let mut family = u32::from_be_bytes(*family);
    // Families are small numbers: a large one was written in the other byte order.
    if link == Link::Null && family > 0xffff {
        family = family.swap_bytes();
    }
    match family {
        2 => Ok(Inside::new(Version::V4, rest)),
        10 | 24 | 28 | 30 => Ok(Inside::new(Version::V6, rest)),
        _ => Err(NotSegment::NotIp),
    }
}

fn version(packet: Rest<'_>) -> Result<Version, NotSegment> {
    let ([first], _) = packet.take::<1>()?;
    match first >> 4 {
        4 => Ok(Version::V4),
        6 => Ok(Version::V6),
        _ => Err(NotSegment::NotIp),
    }
}

fn number(rest: Rest<'_>) -> Result<(u16, Rest<'_>), NotSegment> {
    let (bytes, rest) = rest.take()?;
    Ok((u16::from_be_bytes(*bytes), rest))
}
