//! Which helpers this kernel has for its programs, and how long its jiffy is.
#![expect(unsafe_code, reason = "a question to the C library")]

use super::btf::Btf;

/// Microseconds of a jiffy; zero where hooks cannot ask for jiffies (before 5.6), or where the
/// kernel does not say.
///
/// The resolution of the coarse clocks is that of the tick (`KTIME_LOW_RES`, `kernel/time`).
pub(super) fn tick_us(btf: &Btf) -> u32 {
    if !has_helper(btf, "jiffies64") {
        return 0;
    }
    let mut tick = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes one `timespec`, which `tick` is.
    let told = unsafe { libc::clock_getres(libc::CLOCK_MONOTONIC_COARSE, &raw mut tick) };
    let nanos = u32::try_from(tick.tv_nsec).unwrap_or(0);
    if told == 0 { nanos / 1_000 } else { 0 }
}

/// Whether programs can call a helper, by its bare name.
pub(super) fn has_helper(btf: &Btf, name: &str) -> bool {
    let full = format!("BPF_FUNC_{name}");
    let helpers = btf.enumeration("bpf_func_id").ok().flatten();
    helpers.is_some_and(|them| them.iter().any(|it| it.1 == full))
}
