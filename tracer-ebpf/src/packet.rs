//! Where TCP is in a packet, and whether it begins or ends a connection.
//!
//! Works on bytes from the IP header on, however they are reached.

use zerocopy::{FromBytes, FromZeros};

/// `ETH_P_8021Q` and `ETH_P_8021AD`, `include/uapi/linux/if_ether.h`: what follows is a VLAN tag.
const TAGS: [u16; 2] = [0x8100, 0x88a8];
/// `ETH_P_IP`, likewise.
pub(crate) const IPV4: u16 = 0x0800;
/// `ETH_P_IPV6`, likewise.
pub(crate) const IPV6: u16 = 0x86dd;
/// `IPPROTO_TCP`, `include/uapi/linux/in.h`.
const TCP: u8 = 6;
/// SYN among the flags.
pub(crate) const SYN: u8 = 2;
/// FIN, SYN and RST among the flags: few segments have any of them.
pub(crate) const MARKS: u8 = 1 | SYN | 4;
/// Headers followed between IPv6 and TCP.
const EXTENSIONS: u32 = 8;
/// Bytes of a VLAN tag behind the Ethernet type that announces it.
const TAG_BYTES: u32 = 4;

/// The first bytes of a packet: as far as the flags of TCP right behind IPv6.
pub(crate) type Opening = [u8; 54];

/// What the first bytes of a packet say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glance {
    /// Not a segment that begins or ends anything.
    Passes,
    /// Such a segment, or one that must be looked at more closely.
    Look,
    /// Not IP.
    Foreign,
}

/// Looks at the first bytes of a packet: what decides for nearly all there are.
#[inline(always)]
pub(crate) fn glance(opening: &Opening) -> Glance {
    let look = |so| if so { Glance::Look } else { Glance::Passes };
    match opening[0] >> 4 {
        4 if opening[9] != TCP => Glance::Passes,
        // Options, or a fragment.
        4 if opening[0] != 0x45 || opening[6] & 0x3f | opening[7] != 0 => Glance::Look,
        4 => look(opening[33] & MARKS != 0),
        6 if opening[6] == TCP => look(opening[53] & MARKS != 0),
        6 => look(is_extension(opening[6])),
        _ => Glance::Foreign,
    }
}

/// Whether an IPv6 header of this number comes before what is carried (RFC 8200, section 4).
#[inline(always)]
fn is_extension(header: u8) -> bool {
    matches!(header, 0 | 43 | 44 | 51 | 60 | 135)
}

/// The bytes of a packet.
pub(crate) trait Bytes {
    /// Reads a value so many bytes behind the start; false when it is not all there.
    fn at<T: FromBytes>(&self, offset: u32, into: &mut T) -> bool;
}

/// Where a segment is.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Offset of the IP header.
    pub(crate) ip: u32,
    /// Offset of the TCP header.
    pub(crate) tcp: u32,
    /// Offset of the first byte behind the packet by its IP header; zero when that does not say.
    pub(crate) end: u32,
    /// The outermost VLAN tag met on the way; zero for none.
    pub(crate) tag: u16,
    /// Whether it is IPv6.
    pub(crate) v6: bool,
}

/// What a closer look finds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Something else than TCP.
    Nothing,
    /// TCP whose header is not there to be read.
    Unreadable,
    /// A TCP header.
    Tcp,
}

#[derive(FromBytes)]
#[repr(C)]
struct Ipv4 {
    version: u8,
    service: u8,
    length: [u8; 2],
    identification: [u8; 2],
    fragment: [u8; 2],
    hops: u8,
    protocol: u8,
}

#[derive(FromBytes)]
#[repr(C)]
struct Ipv6 {
    version: [u8; 4],
    length: [u8; 2],
    next: u8,
    hops: u8,
}

/// Takes VLAN tags off; returns the Ethernet type of what they are before.
///
/// `tagged` says whether the bytes begin with the tag that `protocol` announces: those of a packet
/// on its way out begin with IP all the same.
#[inline(always)]
pub(crate) fn untag(bytes: &impl Bytes, mut protocol: u16, tagged: bool, place: &mut Place) -> u16 {
    for _ in 0..2 {
        if !TAGS.contains(&protocol) {
            break;
        }
        if !tagged {
            let mut first = 0_u8;
            bytes.at(place.ip, &mut first);
            return if first >> 4 == 6 { IPV6 } else { IPV4 };
        }
        let mut tag = [0_u8; 4];
        bytes.at(place.ip, &mut tag);
        let [high, low, kind @ ..] = tag;
        if place.tag == 0 {
            place.tag = u16::from_be_bytes([high, low]);
        }
        protocol = u16::from_be_bytes(kind);
        place.ip += TAG_BYTES;
    }
    protocol
}

/// Finds the TCP header of a packet.
#[inline(always)]
pub(crate) fn tcp(bytes: &impl Bytes, protocol: u16, place: &mut Place) -> Found {
    match protocol {
        IPV4 => behind_v4(bytes, place),
        IPV6 => behind_v6(bytes, place),
        _ => Found::Nothing,
    }
}

#[inline(always)]
fn behind_v4(bytes: &impl Bytes, place: &mut Place) -> Found {
    let mut ip = Ipv4::new_zeroed();
    if !bytes.at(place.ip, &mut ip) || ip.protocol != TCP || ip.version >> 4 != 4 {
        return Found::Nothing;
    }
    let [high, low] = ip.fragment;
    let words = u32::from(ip.version & 0xf);
    if high & 0x3f | low != 0 || words < 5 {
        return Found::Unreadable;
    }
    place.tcp = place.ip + words * 4;
    place.end = end(place.ip, 0, ip.length);
    Found::Tcp
}

#[inline(always)]
fn behind_v6(bytes: &impl Bytes, place: &mut Place) -> Found {
    let mut ip = Ipv6::new_zeroed();
    let [first, ..] = if bytes.at(place.ip, &mut ip) {
        ip.version
    } else {
        return Found::Nothing;
    };
    if first >> 4 != 6 {
        return Found::Nothing;
    }
    place.v6 = true;
    place.end = end(place.ip, 40, ip.length);
    place.tcp = place.ip + 40;
    let mut next = ip.next;
    for _ in 0..EXTENSIONS {
        if next == TCP {
            return Found::Tcp;
        }
        let mut extension = [0_u8; 4];
        if !is_extension(next) || !bytes.at(place.tcp, &mut extension) {
            return Found::Nothing;
        }
        let [after, length, high, low] = extension;
        let bytes = match next {
            // A fragment that is all of a packet is none (RFC 6946).
            44 if high | low & 0xf9 != 0 => {
                return if after == TCP {
                    Found::Unreadable
                } else {
                    Found::Nothing
                };
            }
            44 => 8,
            51 => (u32::from(length) + 2) * 4,
            _ => (u32::from(length) + 1) * 8,
        };
        place.tcp += bytes;
        next = after;
    }
    Found::Unreadable
}

/// The offset behind a packet; zero for the length zero, which stands for more than fits.
#[inline(always)]
fn end(ip: u32, before: u32, length: [u8; 2]) -> u32 {
    match u16::from_be_bytes(length) {
        0 => 0,
        length => ip + before + u32::from(length),
    }
}
