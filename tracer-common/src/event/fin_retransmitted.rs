//! Record: a segment that carries a FIN was sent again.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, record};
use crate::{layout::assert_layout, socket::Socket};

/// One retransmission with the FIN bit set, from tracepoint `tcp:tcp_retransmit_skb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct FinRetransmitted {
    /// Common header.
    pub header: Header,
    /// The socket.
    pub socket: Socket,
    /// Sequence number of the segment's first byte, host byte order.
    pub seq: u32,
    /// Explicit padding, always zero.
    pub reserved: u32,
}

assert_layout!(FinRetransmitted, size = 104, { header: 0, socket: 32, seq: 96, reserved: 100 });
record!(FinRetransmitted);
