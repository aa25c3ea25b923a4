//! Record: the kernel gave up a socket.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, HeldBack, record};
use crate::{
    layout::assert_layout,
    socket::{Condition, Socket},
    task::Task,
};

/// One call of `tcp_v4_destroy_sock`, from tracepoint `tcp:tcp_destroy_sock`.
///
/// The tuple may be gone from the socket by now (after `tcp_disconnect` the remote port is zero).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Destroyed {
    /// Common header.
    pub header: Header,
    /// Whoever was running.
    pub task: Task,
    /// The socket.
    pub socket: Socket,
    /// Its condition.
    pub condition: Condition,
    /// What the kernel half had to keep to itself until the owner was known.
    pub held_back: HeldBack,
}

assert_layout!(Destroyed, size = 256, {
    header: 0, task: 32, socket: 88, condition: 152, held_back: 240,
});
record!(Destroyed);
