//! Points in time as the hooks stamp them.

/// Nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonoNs(pub u64);

impl MonoNs {
    /// Nanoseconds from `earlier` to here; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This point moved back by `ns`; the beginning of time when there is not that much before it.
    #[must_use]
    pub const fn before(self, ns: u64) -> Self {
        Self(self.0.saturating_sub(ns))
    }

    /// This point moved forward by `ns`.
    #[must_use]
    pub const fn after(self, ns: u64) -> Self {
        Self(self.0.saturating_add(ns))
    }
}

/// Up to when everything that happened has come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Nothing the hooks stamped before is to come.
    pub records: MonoNs,
    /// No segment captured before is to come; [`Reached::END`] without a capture.
    pub segments: MonoNs,
}

impl Reached {
    /// The end of time: nothing more is to come.
    pub const END: MonoNs = MonoNs(u64::MAX);

    /// How far the records may be ahead of a capture that is not read on, in nanoseconds: as much
    /// longer an ending waits for its segments at most.
    pub const PATIENCE_NS: u64 = 1_000_000_000;

    /// The hooks' records have come in up to `records`, and there is no capture to wait for.
    #[must_use]
    pub const fn records(records: MonoNs) -> Self {
        Self {
            records,
            segments: Self::END,
        }
    }

    /// Up to when endings may be told.
    #[must_use]
    pub fn settled(&self) -> MonoNs {
        let patient = self.records.before(Self::PATIENCE_NS);
        self.records.min(self.segments.max(patient))
    }

    /// Whether endings are told that the capture has not reached.
    #[must_use]
    pub fn is_hurried(&self) -> bool {
        self.segments < self.settled()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_wait_for_the_capture_a_second_and_no_longer() {
        let reached = |records, segments| Reached {
            records: MonoNs(records),
            segments: MonoNs(segments),
        };
        let second = Reached::PATIENCE_NS;
        for (records, segments, settled, hurried) in [
            (5 * second, 5 * second - 1, 5 * second - 1, false),
            (5 * second, 6 * second, 5 * second, false),
            (5 * second, 4 * second, 4 * second, false),
            (5 * second, 4 * second - 1, 4 * second, true),
            (5 * second, u64::MAX, 5 * second, false),
            (u64::MAX, u64::MAX, u64::MAX, false),
        ] {
            let reached = reached(records, segments);
            assert_eq!(reached.settled(), MonoNs(settled), "{reached:?}");
            assert_eq!(reached.is_hurried(), hurried, "{reached:?}");
        }
    }
}
