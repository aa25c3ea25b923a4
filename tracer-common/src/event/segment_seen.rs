//! Record: a FIN, RST or SYN passed a network device.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, record};
use crate::{flow::Flow, layout::assert_layout};

/// One sighting of a segment with the FIN, RST or SYN bit, by the kernel half itself.
///
/// Source: tracepoints `net:net_dev_start_xmit` (`xmit_one`, `net/core/dev.c`) and
/// `net:netif_receive_skb` (`__netif_receive_skb_core`, same file), or classifier programs on the
/// device. The running task in the header is zero: it has nothing to do with the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SegmentSeen {
    /// Common header.
    pub header: Header,
    /// Both ends, the sender's as `local`; the namespace is the device's.
    pub flow: Flow,
    /// Cookie of the TCP socket that sent it; zero when it came in, was sent for no such socket,
    /// or the kernel had made no cookie yet.
    pub cookie: u64,
    /// Name of the device, NUL-padded; empty when the hook cannot read it.
    pub device: [u8; 16],
    /// Index of the device in its namespace.
    pub index: u32,
    /// Sequence number, host byte order.
    pub seq: u32,
    /// Acknowledgement number, host byte order.
    pub ack: u32,
    /// Bytes of payload by the IP header; of a GSO packet those of all its segments.
    pub payload_bytes: u32,
    /// Window as on the wire, host byte order.
    pub window: u16,
    /// Outermost VLAN identifier with [`vlan::TAGGED`] set; zero when untagged or not known.
    pub vlan: u16,
    /// Flag bits as on the wire: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
    pub flags: u8,
    /// One of [`direction`].
    pub direction: u8,
    /// Explicit padding, always zero.
    pub reserved: [u8; 2],
}

assert_layout!(SegmentSeen, size = 120, {
    header: 0, flow: 32, cookie: 72, device: 80, index: 96, seq: 100, ack: 104, payload_bytes: 108,
    window: 112, vlan: 114, flags: 116, direction: 117, reserved: 118,
});
record!(SegmentSeen);

/// Values of [`SegmentSeen::direction`].
pub mod direction {
    /// Out of the namespace the device is in.
    pub const TRANSMITTED: u8 = 1;
    /// Into it.
    pub const RECEIVED: u8 = 2;
}

/// Parts of [`SegmentSeen::vlan`].
pub mod vlan {
    /// Set when there is a tag.
    pub const TAGGED: u16 = 1 << 15;
    /// The identifier (IEEE 802.1Q).
    pub const ID: u16 = 0xfff;
}
