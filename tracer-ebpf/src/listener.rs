//! Listeners that close: whose doing the end of their queued connections is.
#![expect(unsafe_code, reason = "helpers are foreign functions")]

use aya_ebpf::helpers::bpf_ktime_get_ns;
use tracer_common::socket::{Condition, known};

use crate::{kernel::task, maps::LISTENER_CLOSED};

/// How long the teardown of a queue may take at most, in nanoseconds.
const TEARDOWN: u64 = 1_000_000_000;

/// The running task closed a listener: `inet_csk_listen_stop` follows.
#[inline(always)]
pub(crate) fn closed() {
    let (_, thread) = task::ids();
    // SAFETY: no arguments, no preconditions.
    let now = unsafe { bpf_ktime_get_ns() };
    // A full map forgets the thread that closed one longest ago.
    let _ = LISTENER_CLOSED.insert(thread, now, 0);
}

/// Whether a connection nobody accepted ends because the running task has just closed its listener.
///
/// The teardown holds the child's spin lock only, and finds it without an error; an RST leaves one.
#[inline(always)]
pub(crate) fn takes_along(child: &Condition) -> bool {
    let clean = child.known & known::ERR == 0 || child.err == 0;
    clean && is_closing()
}

/// Whether the running task has just closed a listener.
#[inline(always)]
pub(crate) fn is_closing() -> bool {
    let (_, thread) = task::ids();
    let Some(closed) = LISTENER_CLOSED.get_ptr(thread) else {
        return false;
    };
    // SAFETY: the pointer came from the map in this run.
    let closed = unsafe { core::ptr::read(closed) };
    // SAFETY: no arguments, no preconditions.
    let now = unsafe { bpf_ktime_get_ns() };
    now.wrapping_sub(closed) < TEARDOWN
}
