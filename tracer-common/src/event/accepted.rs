//! Record: a process took a connection from a listener's queue.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, record};
use crate::{layout::assert_layout, task::Task};

/// One connection grafted into a new descriptor, from `security_sock_graft`, `security/security.c`,
/// which `sock_graft` (`include/net/sock.h`) calls in whatever accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Accepted {
    /// Common header.
    pub header: Header,
    /// Whoever accepted.
    pub task: Task,
    /// Address of the accepted `struct sock`.
    pub address: u64,
    /// Its cookie; zero when the kernel had not made one yet.
    pub cookie: u64,
    /// Number of the new descriptor's inode (`socket:[N]` in `/proc/PID/fd`); zero when unknown.
    pub inode: u32,
    /// Explicit padding, always zero.
    pub reserved: u32,
}

assert_layout!(Accepted, size = 112, {
    header: 0, task: 32, address: 88, cookie: 96, inode: 104, reserved: 108,
});
record!(Accepted);
