//! Record: a task called `tcp_shutdown` on a socket.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, record};
use crate::{
    layout::assert_layout,
    socket::{Condition, Socket},
    task::Task,
};

/// The entry of `tcp_shutdown`, `net/ipv4/tcp.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ShutdownCalled {
    /// Common header.
    pub header: Header,
    /// The caller.
    pub task: Task,
    /// The socket being shut down.
    pub socket: Socket,
    /// Its condition at the call.
    pub condition: Condition,
    /// What is shut, a mask: bit 0 `RCV_SHUTDOWN`, bit 1 `SEND_SHUTDOWN`.
    pub how: u32,
    /// Explicit padding, always zero.
    pub reserved: u32,
}

assert_layout!(ShutdownCalled, size = 248, {
    header: 0, task: 32, socket: 88, condition: 152, how: 240, reserved: 244,
});
record!(ShutdownCalled);
