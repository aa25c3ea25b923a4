//! Record: the kernel answered a segment with an RST.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, record};
use crate::{
    layout::assert_layout,
    socket::{Condition, Socket},
};

/// One call of `tcp_v4_send_reset` or `tcp_v6_send_reset` that a segment provoked.
///
/// Source: `net/ipv4/tcp_ipv4.c`, `net/ipv6/tcp_ipv6.c`; the tracepoint `tcp:tcp_send_reset`
/// reports the same, before 6.10 only for full sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct RstAnswered {
    /// Common header.
    pub header: Header,
    /// The tuple of the answer; address, cookie and state are zero when no socket matched.
    pub socket: Socket,
    /// The segment that provoked the answer.
    pub provoked_by: Segment,
    /// The socket's condition; nothing is known without a socket, or of a stand-in for one.
    pub condition: Condition,
    /// `enum sk_rst_reason` of the running kernel; [`RstAnswered::NO_REASON`] when it gives none.
    pub reason: u32,
    /// `sk_ack_backlog` of a listener, connections not accepted; its bit in `condition.known` says
    /// whether it was read.
    pub backlog: u32,
    /// `sk_max_ack_backlog`, how many may wait before the queue counts as full.
    pub max_backlog: u32,
    /// Explicit padding, always zero.
    pub reserved: u32,
}

impl RstAnswered {
    /// The value of `reason` on a kernel whose reset path has no reason argument.
    pub const NO_REASON: u32 = u32::MAX;
}

/// What the provoking segment said.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Segment {
    /// Sequence number, host byte order.
    pub seq: u32,
    /// Acknowledgement number, host byte order.
    pub ack: u32,
    /// Flag bits as on the wire: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
    pub flags: u8,
    /// Explicit padding, always zero.
    pub reserved: [u8; 7],
}

assert_layout!(Segment, size = 16, { seq: 0, ack: 4, flags: 8, reserved: 9 });
assert_layout!(RstAnswered, size = 216, {
    header: 0, socket: 32, provoked_by: 96, condition: 112, reason: 200, backlog: 204,
    max_backlog: 208, reserved: 212,
});
record!(RstAnswered);
