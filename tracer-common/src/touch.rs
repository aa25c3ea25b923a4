//! The last call that sent or received on a socket: a value of the map `TOUCHES`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{event::Stack, layout::assert_layout, task::Task};

/// Who touched a socket last, and how it came about; user space reads it when it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Touch {
    /// Whoever sent or received.
    pub task: Task,
    /// One where it received, zero where it sent.
    pub received: u64,
    /// The program's stack as a record of its own, whose header has the time; `of_seq` is zero.
    pub stack: Stack,
    /// What follows the fixed part of that record, as many bytes as it says; the rest is of no meaning.
    pub rest: [u8; Touch::REST],
}

impl Touch {
    /// Bytes that may follow the fixed part: the program's side only.
    pub const REST: usize = 8 * Stack::FRAMES + Stack::REGISTERS + Stack::MEMORY;
}

assert_layout!(Touch, size = 2360, { task: 0, received: 56, stack: 64, rest: 152 });
