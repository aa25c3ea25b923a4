//! The errors a TCP socket is left with.
//!
//! Values of the kernel's `include/uapi/asm-generic/errno*.h`, which every architecture shares that
//! can load the kernel half, MIPS aside.

pub(super) const EPIPE: u32 = 32;
pub(super) const ECONNABORTED: u32 = 103;
pub(super) const ECONNRESET: u32 = 104;
pub(super) const ECONNREFUSED: u32 = 111;
