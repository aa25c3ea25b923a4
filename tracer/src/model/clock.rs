//! How the wall's clock stands to the hooks', and what that makes of a stamp.

use super::time::MonoNs;

/// Both clocks read at one moment.
///
/// The kernel keeps the wall's clock and the hooks' as one counter and an offset, and slews both
/// together (`timekeeping_adjust`, `kernel/time/timekeeping.c`): the offset is the same until the
/// wall is set, by a call, a leap second or a resume (`tk_set_wall_to_mono`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When, by the hooks' clock, give or take the error; zero in recordings that did not keep it.
    pub at: MonoNs,
    /// `CLOCK_REALTIME` less `CLOCK_MONOTONIC`, in nanoseconds.
    pub offset_ns: i128,
    /// How far `at`, `offset_ns` and `slept_ns` may be off, in nanoseconds.
    pub error_ns: u64,
    /// `CLOCK_BOOTTIME` less `CLOCK_MONOTONIC`, in nanoseconds: time spent suspended since boot.
    pub slept_ns: i128,
}

impl Sample {
    /// Whether one offset can be behind both.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        beyond(other.offset_ns - self.offset_ns, self.errors(other)) == 0
    }

    /// What happened to the clocks from here to a later sample; `None` when nothing did.
    #[must_use]
    pub fn change(&self, later: &Self) -> Option<Change> {
        let errors = self.errors(later);
        let slept_ns = beyond(later.slept_ns - self.slept_ns, errors);
        let moved_ns = later.offset_ns - self.offset_ns;
        // Waking sets the wall forward by what was slept; that was measured with an error too.
        let errors = if slept_ns == 0 { errors } else { errors * 2 };
        let step_ns = beyond(moved_ns - slept_ns, errors);
        (slept_ns != 0 || step_ns != 0).then_some(Change { step_ns, slept_ns })
    }

    fn errors(&self, other: &Self) -> i128 {
        i128::from(self.error_ns) + i128::from(other.error_ns)
    }
}

/// A difference, or nothing when errors explain it.
fn beyond(difference: i128, errors: i128) -> i128 {
    if difference.abs() > errors {
        difference
    } else {
        0
    }
}

/// What happened to the clocks between two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Nanoseconds the wall was set forward by, negative for back; zero when it was not set.
    pub step_ns: i128,
    /// Nanoseconds the machine was suspended; zero when it was not.
    pub slept_ns: i128,
}

/// A moment by the hooks' clock that was stamped by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timed {
    /// The moment.
    pub at: MonoNs,
    /// How far it may be off, in nanoseconds: zero for a stamp of the hooks' own clock, `None` in
    /// recordings that did not keep it.
    pub error_ns: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn sample(offset_ns: i128, slept_ns: i128) -> Sample {
        Sample {
            at: MonoNs(1),
            offset_ns,
            error_ns: 10,
            slept_ns,
        }
    }

    #[test]
    fn what_errors_explain_is_no_change() {
        assert_eq!(sample(100, 0).change(&sample(120, 20)), None);
        assert!(sample(100, 0).agrees(&sample(80, 0)));
    }

    #[test]
    fn a_wall_that_was_set_stepped() {
        let change = sample(100, 0).change(&sample(79, 0));
        let stepped = Change {
            step_ns: -21,
            slept_ns: 0,
        };
        assert_eq!(change, Some(stepped));
    }

    #[test]
    fn a_sleep_is_no_step_and_a_wall_set_on_waking_is_both() {
        let change = sample(100, 0).change(&sample(5_130, 5_000));
        let slept = Change {
            step_ns: 0,
            slept_ns: 5_000,
        };
        assert_eq!(change, Some(slept));
        let change = sample(100, 0).change(&sample(5_141, 5_000));
        assert_eq!(
            change,
            Some(Change {
                step_ns: 41,
                ..slept
            })
        );
    }
}
