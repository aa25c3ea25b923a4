//! The clocks: the hooks' and the wall's, and how they relate.
#![expect(unsafe_code, reason = "clocks are read through the C library")]

use crate::model::time::MonoNs;

/// Now, by the clock the hooks stamp with (`CLOCK_MONOTONIC`).
#[must_use]
pub fn now() -> MonoNs {
    MonoNs(u64::try_from(read(libc::CLOCK_MONOTONIC)).unwrap_or(0))
}

/// Nanoseconds from the hooks' clock to the wall's, of the tightest of a few samples.
///
/// The wall is read between two reads of the hooks' clock; half their distance bounds the error,
/// below a microsecond unless the machine is busy.
#[must_use]
pub fn wall_offset_ns() -> i128 {
    let sample = || {
        let before = read(libc::CLOCK_MONOTONIC);
        let wall = read(libc::CLOCK_REALTIME);
        let after = read(libc::CLOCK_MONOTONIC);
        (after - before, wall - i128::midpoint(before, after))
    };
    (0..5)
        .map(|_| sample())
        .min_by_key(|&(error, _)| error)
        .map_or(0, |(_, offset)| offset)
}

/// Which boot the hooks' clock counts from; `None` when it cannot be read.
#[must_use]
pub fn boot_id() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned())
}

/// Ticks a second of the times in `/proc/PID/stat`, `USER_HZ`: 100 on every machine we run on.
#[must_use]
pub fn ticks_per_second() -> u64 {
    // SAFETY: takes a number, returns a number.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks)
        .ok()
        .filter(|&ticks| ticks > 0)
        .unwrap_or(100)
}

fn read(clock: libc::clockid_t) -> i128 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is ours and large enough; both clocks exist on every Linux.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hooks_clock_never_goes_back() {
        let before = now();
        assert!(now() >= before);
    }

    #[test]
    fn the_wall_is_in_this_century() {
        let wall = wall_offset_ns() + i128::from(now().0);
        let year_2020 = 1_577_836_800_000_000_000;
        assert!(wall > year_2020, "{wall}");
    }
}
