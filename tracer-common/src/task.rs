//! Whoever was on the CPU when a hook ran; whether that means anything is the header's flags' business.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::layout::assert_layout;

/// The running task beyond what the [`Header`](crate::event::Header) already says of it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Task {
    /// Name of the thread, NUL-padded; any byte may occur in it (`bpf_get_current_comm`).
    pub comm: [u8; 16],
    /// Name of the thread group's leader, NUL-padded; all zero when it could not be read.
    pub leader_comm: [u8; 16],
    /// Start of the thread group's leader, nanoseconds of `CLOCK_BOOTTIME`; zero when unknown.
    pub start_ns: u64,
    /// Real user id in the initial user namespace (`bpf_get_current_uid_gid`).
    pub uid: u32,
    /// `task_struct.exit_code` as `wait(2)` would report it; meaningful only while exiting.
    pub exit_code: u32,
    /// The goroutine the thread runs for (`g.goid`); zero for none, and when it is not known.
    pub goroutine: u64,
}

/// By which offsets the goroutine of a process's threads is read; value of the map `GOROUTINES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Goroutines {
    /// Of the pointer to the running `g`, from the base of `fs`.
    pub tls: i32,
    /// Of `g.goid`.
    pub goid: u32,
    /// Of `g.m`.
    pub m: u32,
    /// Of `m.curg`; `m.g0` comes first in every version.
    pub curg: u32,
}

assert_layout!(Goroutines, size = 16, { tls: 0, goid: 4, m: 8, curg: 12 });

assert_layout!(Task, size = 56, {
    comm: 0, leader_comm: 16, start_ns: 32, uid: 40, exit_code: 44, goroutine: 48,
});
