//! Record: the kernel aborted a connection because of a segment.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, record};
use crate::{
    layout::assert_layout,
    socket::{Condition, Socket},
};

/// One call of `tcp_reset`, `net/ipv4/tcp_input.c`, from tracepoint `tcp:tcp_receive_reset`.
///
/// Mostly an RST arrived; data for a socket whose reading side is gone comes here too, and then
/// an [`RstAnswered`](super::RstAnswered) of the same socket follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct RstReceived {
    /// Common header.
    pub header: Header,
    /// The socket being aborted; `state` is the state it was in.
    pub socket: Socket,
    /// Its condition.
    pub condition: Condition,
}

assert_layout!(RstReceived, size = 184, { header: 0, socket: 32, condition: 96 });
record!(RstReceived);
