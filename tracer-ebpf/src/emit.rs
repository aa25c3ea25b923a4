//! The one way out of the kernel half.
#![expect(unsafe_code, reason = "helpers are foreign functions")]

use core::ffi::c_void;

use aya_ebpf::{
    EbpfContext,
    bindings::{BPF_F_CURRENT_CPU, BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::{
        bpf_get_smp_processor_id, bpf_ktime_get_ns, bpf_perf_event_output, bpf_ringbuf_output,
        bpf_ringbuf_query,
    },
};
use tracer_common::{
    count,
    event::{Header, Kind, Record},
    settings::transport,
};

use crate::{kernel::task, maps, settings::setting};

/// The buffer a record travels in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Endings, and what explains them.
    Endings,
    /// Everything a storm of which must not cost an ending.
    States,
}

/// Whether user space wants records of this kind at all.
#[inline(always)]
pub(crate) fn wanted(kind: Kind) -> bool {
    setting(|settings| &settings.kinds) & kind.bit() != 0
}

/// The header of a record of kind `R`, stamped now.
#[inline(always)]
pub(crate) fn header<R: Record>(context: u16) -> Header {
    let (process, thread) = task::ids();
    Header {
        tgid: process,
        tid: thread,
        ..bare_header::<R>(context)
    }
}

/// As [`header`], where the running task is nobody's business.
#[inline(always)]
pub(crate) fn bare_header<R: Record>(context: u16) -> Header {
    Header {
        // SAFETY: no arguments, no preconditions.
        at_ns: unsafe { bpf_ktime_get_ns() },
        seq: 0,
        kind: R::KIND.to_wire(),
        size: R::SIZE,
        cpu: cpu(),
        context,
        tgid: 0,
        tid: 0,
    }
}

/// Sends a record, or counts it as lost: the traced path never waits for a reader.
#[inline(always)]
pub(crate) fn emit<R: Record>(program: &impl EbpfContext, lane: Lane, record: &mut R) {
    let Some(counts) = maps::counts() else { return };
    record.header_mut().seq = maps::count(counts, count::TRIED);
    maps::count(counts, count::emitted(R::KIND));
    let data: *mut R = record;
    if !hand_over(program, lane, data.cast(), || u64::from(R::SIZE)) {
        maps::count(counts, count::lost(R::KIND));
    }
}

/// Puts a record of `size` bytes into its buffer; false when that is full.
///
/// The size is asked for right before it is used: before 5.11 the verifier forgets what it knows of
/// a number that was put aside meanwhile.
#[inline(always)]
pub(crate) fn hand_over(
    program: &impl EbpfContext,
    lane: Lane,
    data: *mut c_void,
    size: impl Fn() -> u64,
) -> bool {
    if setting(|settings| &settings.transport) == transport::RINGBUF {
        ring(lane, data, size)
    } else {
        perf(program, lane, data, size)
    }
}

/// Puts a record into this CPU's perf buffer; the buffer's own watermark wakes the reader.
#[inline(always)]
fn perf(
    program: &impl EbpfContext,
    lane: Lane,
    data: *mut c_void,
    size: impl FnOnce() -> u64,
) -> bool {
    let map = match lane {
        Lane::Endings => maps::address(&maps::PERF_ENDINGS),
        Lane::States => maps::address(&maps::PERF_STATES),
    };
    // SAFETY: `data` points to `size` initialised bytes.
    unsafe { bpf_perf_event_output(program.as_ptr(), map, BPF_F_CURRENT_CPU, data, size()) == 0 }
}

/// Puts a record into this CPU's ring buffer, and wakes the reader when what is waiting passes a
/// multiple of what is much: one wake-up costs as much as a dozen records.
#[inline(always)]
fn ring(lane: Lane, data: *mut c_void, size: impl Fn() -> u64) -> bool {
    let map = match lane {
        Lane::Endings => maps::ring_endings(u32::from(cpu())),
        Lane::States => maps::ring_states(u32::from(cpu())),
    };
    // SAFETY: the map is a ring buffer.
    let waiting = unsafe { bpf_ringbuf_query(map, u64::from(BPF_RB_AVAIL_DATA)) };
    let much = u64::from(setting(|settings| &settings.wakeup_bytes));
    let wake = (waiting & much.wrapping_sub(1)) + size() >= much;
    let flags = u64::from(if wake {
        BPF_RB_FORCE_WAKEUP
    } else {
        BPF_RB_NO_WAKEUP
    });
    // SAFETY: `data` points to `size` initialised bytes.
    unsafe { bpf_ringbuf_output(map, data, size(), flags) == 0 }
}

#[inline(always)]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "Linux has at most 8,192 CPUs"
)]
fn cpu() -> u16 {
    // SAFETY: no arguments, no preconditions.
    unsafe { bpf_get_smp_processor_id() as u16 }
}
