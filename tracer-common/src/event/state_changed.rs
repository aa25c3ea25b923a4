//! Record: a socket changed its TCP state.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, record};
use crate::{
    layout::assert_layout,
    socket::{Condition, Socket},
    task::Task,
};

/// One transition, from tracepoint `sock:inet_sock_set_state`, reported before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct StateChanged {
    /// Common header.
    pub header: Header,
    /// Whoever was running.
    pub task: Task,
    /// The socket; its `state` is still the old one.
    pub socket: Socket,
    /// Its condition; nothing is known of it for transitions that end nothing.
    pub condition: Condition,
    /// What the kernel half had to keep to itself until the owner was known.
    pub held_back: HeldBack,
    /// State before, a `TCP_*` value of `include/net/tcp_states.h`.
    pub from: u32,
    /// State after, likewise.
    pub to: u32,
}

/// Events seen on a socket before its owner was known, while a process filter was set.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct HeldBack {
    /// When a FIN arrived, nanoseconds of `CLOCK_MONOTONIC`; zero when none was held back.
    pub fin_received_ns: u64,
    /// When an RST arrived, nanoseconds of `CLOCK_MONOTONIC`; zero when none was held back.
    pub rst_received_ns: u64,
}

assert_layout!(HeldBack, size = 16, { fin_received_ns: 0, rst_received_ns: 8 });
assert_layout!(StateChanged, size = 264, {
    header: 0, task: 32, socket: 88, condition: 152, held_back: 240, from: 256, to: 260,
});
record!(StateChanged);
