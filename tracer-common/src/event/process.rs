//! Records: a process or thread was created, replaced its program, or exited.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, record};
use crate::{layout::assert_layout, task::Task};

/// One thread's exit, from tracepoint `sched:sched_process_exit`.
///
/// The kernel reports it before it releases the thread's descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ProcessExited {
    /// Common header.
    pub header: Header,
    /// The thread; its `exit_code` is set.
    pub task: Task,
}

assert_layout!(ProcessExited, size = 88, { header: 0, task: 32 });
record!(ProcessExited);

/// A successful `execve`, from tracepoint `sched:sched_process_exec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ProcessExeced {
    /// Common header.
    pub header: Header,
    /// The process, under its new name.
    pub task: Task,
}

assert_layout!(ProcessExeced, size = 88, { header: 0, task: 32 });
record!(ProcessExeced);

/// A new process or thread, from tracepoint `sched:sched_process_fork`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct ProcessForked {
    /// Common header.
    pub header: Header,
    /// The parent.
    pub task: Task,
    /// Thread group of the child; the parent's when a thread was created.
    pub child_tgid: u32,
    /// Thread id of the child.
    pub child_tid: u32,
}

assert_layout!(ProcessForked, size = 96, { header: 0, task: 32, child_tgid: 88, child_tid: 92 });
record!(ProcessForked);
