//! The header of a cooked capture, which says which way a packet went and has room for a tag.

use super::Packet;
use crate::model::segment::Direction;

/// `PACKET_HOST` and `PACKET_OUTGOING`; nothing else tells of no direction.
const RECEIVED: u16 = 0;
const TRANSMITTED: u16 = 4;
const UNKNOWN: u16 = u16::MAX;
/// `ARPHRD_NONE`: no link-layer address was captured.
const NO_ADDRESS: u16 = 0xfffe;
const VLAN: u16 = 0x8100;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// A packet behind its header (<https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html>).
pub(super) fn cooked(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(packet.bytes.len() + 20);
    let kind = match packet.direction {
        Direction::Received => RECEIVED,
        Direction::Transmitted => TRANSMITTED,
        Direction::Unknown => UNKNOWN,
    };
    bytes.extend(kind.to_be_bytes());
    bytes.extend(NO_ADDRESS.to_be_bytes());
    // An address of no bytes, and room for eight.
    bytes.extend([0; 10]);
    if let Some(vlan) = packet.vlan {
        bytes.extend(VLAN.to_be_bytes());
        bytes.extend(vlan.to_be_bytes());
    }
    let protocol = match packet.bytes.first() {
        Some(first) if first >> 4 == 6 => IPV6,
        _ => IPV4,
    };
    bytes.extend(protocol.to_be_bytes());
    bytes.extend(packet.bytes);
    bytes
}
