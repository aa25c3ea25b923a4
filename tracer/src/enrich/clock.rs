//! The clocks: the hooks' and the wall's, and how they relate.
#![expect(unsafe_code, reason = "clocks are read through the C library")]

pub mod history;

use crate::model::{clock::Sample, time::MonoNs};

/// How often the clocks are read for one sample; the tightest reading is taken.
const READINGS: u32 = 5;

/// Now, by the clock the hooks stamp with (`CLOCK_MONOTONIC`).
#[must_use]
pub fn now() -> MonoNs {
    MonoNs(u64::try_from(read(libc::CLOCK_MONOTONIC)).unwrap_or(0))
}

/// How the wall's clock stands to the hooks', now.
///
/// The wall is read between two reads of the hooks' clock; half their distance bounds the error,
/// and one more nanosecond what the kernel cuts off: below a microsecond unless the machine is busy.
#[must_use]
pub fn sample() -> Sample {
    let mut tightest = reading();
    for _ in 1..READINGS {
        let again = reading();
        if again.error_ns < tightest.error_ns {
            tightest = again;
        }
    }
    tightest
}

fn reading() -> Sample {
    let before = read(libc::CLOCK_MONOTONIC);
    let wall = read(libc::CLOCK_REALTIME);
    let boot = read(libc::CLOCK_BOOTTIME);
    let after = read(libc::CLOCK_MONOTONIC);
    let middle = i128::midpoint(before, after);
    Sample {
        at: MonoNs(u64::try_from(middle).unwrap_or(0)),
        offset_ns: wall - middle,
        error_ns: u64::try_from((after - before + 1) / 2 + 1).unwrap_or(u64::MAX),
        slept_ns: boot - middle,
    }
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
    // SAFETY: `time` is ours and large enough; all three clocks exist on every Linux.
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
    fn clocks_nobody_sets_do_not_change() {
        let samples: Vec<_> = (0..10_000).map(|_| sample()).collect();
        // Half of them at least were read without an interruption.
        let mut errors: Vec<_> = samples.iter().map(|it| it.error_ns).collect();
        errors.sort_unstable();
        assert!(
            errors[errors.len() / 2] < 10_000,
            "{}",
            errors[errors.len() / 2]
        );
        let change = samples[0].change(&samples[samples.len() - 1]);
        let set = change.is_some_and(|it| it.step_ns.abs() > 1_000_000);
        assert!(set || samples.windows(2).all(|it| it[0].change(&it[1]).is_none()));
    }

    #[test]
    fn the_wall_is_in_this_century() {
        let wall = sample().offset_ns + i128::from(now().0);
        let year_2020 = 1_577_836_800_000_000_000;
        assert!(wall > year_2020, "{wall}");
    }
}
