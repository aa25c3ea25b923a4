//! Typed reads of kernel memory through the offsets of the running kernel.
#![expect(unsafe_code, reason = "kernel memory is reached through a helper")]

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_user};
use tracer_common::settings::{MISSING, Offsets};
use zerocopy::FromBytes;

use crate::settings::offset;

pub(crate) mod context;
pub(crate) mod files;
mod regs;
pub(crate) mod skb;
pub(crate) mod sock;
mod structure;
pub(crate) mod task;
pub(crate) mod timers;

pub(crate) use structure::{Structure, Typed};

/// A kernel address; zero is null.
pub(crate) type Address = u64;

/// Whether the running kernel has a field: a constant to the verifier.
#[inline(always)]
pub(crate) fn has(field: impl FnOnce(&'static Offsets) -> &'static u16) -> bool {
    offset(field) != MISSING
}

/// Reads a field of the structure at `base`; zero when this kernel has no such field, `base` is
/// null, or the memory cannot be read.
///
/// There is no branch on the outcome: a path per read would be more than the verifier follows, and
/// the helper fills what it cannot read with zeros.
#[inline(always)]
pub(crate) fn read<T: FromBytes>(
    base: Address,
    field: impl FnOnce(&'static Offsets) -> &'static u16,
) -> T {
    let offset = offset(field);
    if offset == MISSING {
        return T::new_zeroed();
    }
    read_at(base.wrapping_add(u64::from(offset)))
}

/// As [`read`], without a helper: `base` must be an argument whose type the verifier knows, or of
/// the rest of the kernel's memory nothing but zeros is read.
///
/// To the verifier the offset is a constant, so this is a load of a field.
#[inline(always)]
#[expect(
    clippy::as_conversions,
    reason = "a kernel address is a number until it is read"
)]
pub(crate) fn load<T: FromBytes>(
    base: Address,
    field: impl FnOnce(&'static Offsets) -> &'static u16,
) -> T {
    let offset = offset(field);
    if offset == MISSING {
        return T::new_zeroed();
    }
    let address = base.wrapping_add(u64::from(offset)) as *const T;
    // SAFETY: the verifier admits only loads of fields, and a fault reads as zero.
    unsafe { core::ptr::read_volatile(address) }
}

/// Reads a value at an address; zero when the memory cannot be read.
#[inline(always)]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a kernel address is a number until it is read; sizes are at most 48"
)]
pub(crate) fn read_at<T: FromBytes>(address: Address) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    let (into, size) = (value.as_mut_ptr().cast(), size_of::<T>() as u32);
    // SAFETY: the helper writes `size` bytes, whatever it returns, and never faults.
    unsafe { bpf_probe_read_kernel(into, size, address as *const c_void) };
    // SAFETY: every byte was written, and any bytes are a value of the type.
    unsafe { value.assume_init() }
}

/// Reads a word of the running process's memory; zero when it cannot be read, or is not there now.
#[inline(always)]
#[expect(
    clippy::as_conversions,
    reason = "an address is a number until it is read"
)]
pub(crate) fn user(address: Address) -> u64 {
    let mut word = 0_u64;
    let into = core::ptr::from_mut(&mut word).cast();
    // SAFETY: the helper writes eight bytes, whatever it returns, and never faults or waits.
    unsafe { bpf_probe_read_user(into, 8, address as *const c_void) };
    word
}
