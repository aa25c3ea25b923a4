//! Whose the connections were that are over: segments still come for them, and are answered.
#![expect(unsafe_code, reason = "map values are reached through raw pointers")]

use aya_ebpf::helpers::bpf_ktime_get_ns;
use tracer_common::flow::Flow;

use crate::maps::DEPARTED;

/// How long a flow stays known, as long as user space knows who had it: twice the time a `TIME_WAIT`
/// lasts (`TCP_TIMEWAIT_LEN`, `include/net/tcp.h`).
const KEPT_NS: u64 = 120_000_000_000;

/// A socket leaves its flow: to a stand-in in `TIME_WAIT`, or to nobody.
///
/// An unwanted one takes the flow from a wanted one that had it before.
#[inline(always)]
pub(super) fn departs(flow: &Flow, wanted: bool) {
    if wanted {
        // SAFETY: no arguments, no preconditions.
        let now = unsafe { bpf_ktime_get_ns() };
        // No memory: what comes late for this flow is not told.
        let _ = DEPARTED.insert(flow, now, 0);
    } else {
        // Of most flows nothing is known.
        let _ = DEPARTED.remove(flow);
    }
}

/// Whether the last socket that had this flow was wanted, and that is not too long ago.
#[inline(always)]
pub(super) fn was_wanted(flow: &Flow) -> bool {
    let Some(departed) = DEPARTED.get_ptr(flow) else {
        return false;
    };
    // SAFETY: the pointer came from the map in this run.
    let departed = unsafe { core::ptr::read(departed) };
    // SAFETY: no arguments, no preconditions.
    let now = unsafe { bpf_ktime_get_ns() };
    now.wrapping_sub(departed) < KEPT_NS
}
