//! Record: a descriptor was closed and its connection lives on.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, record};
use crate::{layout::assert_layout, socket::Socket, task::Task};

/// One close of a descriptor whose file something else still refers to, from `filp_flush` (since
/// 6.6) or `filp_close`, `fs/open.c`, or from the entry of close(2).
///
/// Closes by a process that exits or executes another program are not reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct HeldOpen {
    /// Common header.
    pub header: Header,
    /// Whoever closed.
    pub task: Task,
    /// The socket, connected or connecting.
    pub socket: Socket,
    /// Number of its inode (`socket:[N]` in `/proc/PID/fd`); zero when unknown.
    pub inode: u32,
    /// References to the file that remain: descriptors, running calls, messages under way.
    pub references: u32,
}

assert_layout!(HeldOpen, size = 160, {
    header: 0, task: 32, socket: 88, inode: 152, references: 156,
});
record!(HeldOpen);
