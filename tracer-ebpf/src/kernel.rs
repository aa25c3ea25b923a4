//! Typed reads of kernel memory through the offsets of the running kernel.
#![expect(unsafe_code, reason = "kernel memory is reached through a helper")]

use aya_ebpf::helpers::bpf_probe_read_kernel;
use tracer_common::settings::{MISSING, Offsets};

use crate::settings::offset;

pub(crate) mod skb;
pub(crate) mod sock;
pub(crate) mod task;

/// A kernel address; zero is null.
pub(crate) type Address = u64;

/// Reads a field of the structure at `base`; `None` when this kernel has no such field, the
/// structure is null, or the memory cannot be read.
#[inline(always)]
pub(crate) fn read<T: Copy>(
    base: Address,
    field: impl FnOnce(&'static Offsets) -> &'static u16,
) -> Option<T> {
    let offset = offset(field);
    if offset == MISSING || base == 0 {
        return None;
    }
    read_at(base.wrapping_add(u64::from(offset)))
}

/// Reads a value at an address; `None` when the memory cannot be read.
#[inline(always)]
#[expect(clippy::as_conversions, reason = "a kernel address is a number until it is read")]
pub(crate) fn read_at<T: Copy>(address: Address) -> Option<T> {
    // SAFETY: the helper checks the address and fails instead of faulting.
    unsafe { bpf_probe_read_kernel(address as *const T) }.ok()
}
