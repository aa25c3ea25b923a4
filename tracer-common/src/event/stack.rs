//! Record: how an act came about, call by call, in the kernel and in the program.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, record};
use crate::layout::assert_layout;

/// The stack behind the record right before it, of the same CPU and time.
///
/// Only the used part of a record travels. After these fixed fields come, each as long as its
/// field says: the kernel's frames, the program's frames (addresses of eight bytes, innermost
/// first), the program's registers (`struct pt_regs`), and its memory from the stack pointer on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Stack {
    /// Common header; its time is that of the act.
    pub header: Header,
    /// Address of the `struct sock`, as in the act's record; zero without one.
    pub address: u64,
    /// Socket cookie, as in the act's record; zero when the kernel had made none.
    pub cookie: u64,
    /// The act's number among the records of its CPU.
    pub of_seq: u64,
    /// Start of the calling process, nanoseconds of `CLOCK_BOOTTIME`; zero when unknown.
    pub start_ns: u64,
    /// Address of its `struct mm_struct`: another one after each execve(2); zero when unknown.
    pub mm: u64,
    /// Bits of [`asked`](Stack::KERNEL).
    pub asked: u16,
    /// Bytes of the kernel's frames; below zero the error of `bpf_get_stack`.
    pub kernel: i16,
    /// Bytes of the program's frames, likewise.
    pub user: i16,
    /// Bytes of registers: none, or [`Stack::REGISTERS`].
    pub registers: u16,
    /// Bytes of memory.
    pub memory: u16,
    /// Explicit padding, always zero.
    pub reserved: [u16; 3],
}

impl Stack {
    /// In `asked`: the kernel's stack is wanted.
    pub const KERNEL: u16 = 1;
    /// In `asked`: the program's stack is wanted; it is taken only where a task acts.
    pub const USER: u16 = 1 << 1;
    /// Frames of each side at most (`PERF_MAX_STACK_DEPTH`).
    pub const FRAMES: usize = 127;
    /// Bytes of `struct pt_regs` on x86-64, `arch/x86/include/asm/ptrace.h`.
    pub const REGISTERS: usize = 168;
    /// Bytes of the program's stack at most: enough for the frames of a dozen usual functions.
    pub const MEMORY: usize = 1024;
    /// Bytes of a whole record at most.
    pub const LARGEST: usize =
        size_of::<Self>() + 2 * 8 * Self::FRAMES + Self::REGISTERS + Self::MEMORY;
}

assert_layout!(Stack, size = 88, {
    header: 0, address: 32, cookie: 40, of_seq: 48, start_ns: 56, mm: 64, asked: 72, kernel: 74,
    user: 76, registers: 78, memory: 80, reserved: 82,
});
record!(Stack);
