//! Runs of our programs the kernel skipped, which no counter of ours can see.
//!
//! A program is not entered again on a CPU that is running it: when softirq interrupts a hook and
//! reaches the same hook, that run is skipped (`kernel/bpf/trampoline.c`, since 6.1 also
//! `kernel/trace/bpf_trace.c`). The kernel counts it per program (`recursion_misses`, since 5.12).
#![expect(
    unsafe_code,
    reason = "the kernel fills a structure it is given the address of"
)]

use std::{
    mem::offset_of,
    os::fd::{AsFd, AsRawFd},
};

use aya::{Ebpf, programs::ProgramFd};
use aya_obj::generated::{bpf_attr, bpf_prog_info};

/// `enum bpf_cmd`, `include/uapi/linux/bpf.h`.
const BPF_OBJ_GET_INFO_BY_FD: libc::c_int = 15;

/// The programs that were loaded, kept to be asked after they are detached.
pub(super) struct Loaded(Vec<ProgramFd>);

impl Loaded {
    /// Every program of the object that is loaded.
    pub(super) fn of(object: &Ebpf) -> Self {
        let fds = object
            .programs()
            .filter_map(|(_, program)| program.fd().ok());
        Self(fds.filter_map(|fd| fd.try_clone().ok()).collect())
    }

    /// Runs skipped so far, of all programs; `None` where the kernel does not count them.
    pub(super) fn missed(&self) -> Option<u64> {
        self.0.iter().try_fold(0_u64, |sum, program| {
            Some(sum.saturating_add(missed(program)?))
        })
    }
}

fn missed(program: &ProgramFd) -> Option<u64> {
    // SAFETY: plain integers, for which zero is valid and means "not asked for".
    let mut info = unsafe { std::mem::zeroed::<bpf_prog_info>() };
    // SAFETY: as above.
    let mut attributes = unsafe { std::mem::zeroed::<bpf_attr>() };
    attributes.info.bpf_fd = program.as_fd().as_raw_fd().cast_unsigned();
    attributes.info.info_len = u32::try_from(size_of_val(&info)).ok()?;
    attributes.info.info = address(&mut info);
    // SAFETY: the structure is ours, as long as `info_len` says, and outlives the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_OBJ_GET_INFO_BY_FD,
            &raw mut attributes,
            size_of_val(&attributes),
        )
    };
    // SAFETY: the call filled in how much it wrote; any bytes are a valid number.
    let written = unsafe { attributes.info.info_len };
    let needed = offset_of!(bpf_prog_info, recursion_misses) + size_of_val(&info.recursion_misses);
    let told = done == 0 && usize::try_from(written).is_ok_and(|written| written >= needed);
    told.then_some(info.recursion_misses)
}

#[expect(
    clippy::as_conversions,
    reason = "the kernel takes addresses as 64-bit numbers"
)]
fn address<T>(value: &mut T) -> u64 {
    std::ptr::from_mut(value) as u64
}
