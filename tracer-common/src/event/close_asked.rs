//! Record: a goroutine asked for a connection to be closed.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, record};
use crate::{layout::assert_layout, socket::Socket, task::Task};

/// The entry of `internal/poll.(*FD).Close` of a program of Go, `internal/poll/fd_unix.go`.
///
/// The system call comes later, and may be another goroutine's: whoever uses the descriptor last
/// closes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct CloseAsked {
    /// Common header.
    pub header: Header,
    /// The thread, and the goroutine that asked.
    pub task: Task,
    /// The socket behind the descriptor.
    pub socket: Socket,
}

assert_layout!(CloseAsked, size = 152, { header: 0, task: 32, socket: 88 });
record!(CloseAsked);
