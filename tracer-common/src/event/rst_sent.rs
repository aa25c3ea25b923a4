//! Record: the kernel sent an RST for a live socket, from a call or a timer.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, record};
use crate::{
    layout::assert_layout,
    socket::{Condition, Socket},
    task::Task,
};

/// One call of `tcp_send_active_reset`, `net/ipv4/tcp_output.c`.
///
/// The tracepoint `tcp:tcp_send_reset` reports it after the segment left, the function's entry
/// before; the state is `TCP_CLOSE` already when a close caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct RstSent {
    /// Common header.
    pub header: Header,
    /// Whoever was running.
    pub task: Task,
    /// The socket being reset.
    pub socket: Socket,
    /// Its condition at the call.
    pub condition: Condition,
    /// `enum sk_rst_reason` of the running kernel; [`RstSent::NO_REASON`] when it gives none.
    pub reason: u32,
    /// Explicit padding, always zero.
    pub reserved: u32,
}

impl RstSent {
    /// The value of `reason` on a kernel whose reset path has no reason argument.
    pub const NO_REASON: u32 = u32::MAX;
}

assert_layout!(RstSent, size = 248, {
    header: 0, task: 32, socket: 88, condition: 152, reason: 240, reserved: 244,
});
record!(RstSent);
