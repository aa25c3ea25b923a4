//! Record: a task called `tcp_close` on a socket.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, record};
use crate::{
    layout::assert_layout,
    socket::{Condition, Socket},
    task::Task,
};

/// The entry of `tcp_close`, `net/ipv4/tcp.c`: the last descriptor of the socket is going away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct CloseCalled {
    /// Common header.
    pub header: Header,
    /// The caller.
    pub task: Task,
    /// The socket being closed.
    pub socket: Socket,
    /// Its condition before anything was done to it.
    pub condition: Condition,
}

assert_layout!(CloseCalled, size = 240, { header: 0, task: 32, socket: 88, condition: 152 });
record!(CloseCalled);
