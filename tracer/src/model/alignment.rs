//! How the clock of a capture file relates to the hooks' clock.
//!
//! Values only: how they are found is known to `align`.

use super::{foreign::Foreign, time::MonoNs};

/// Parts of a drift in one.
const PARTS: i128 = 1_000_000_000_000;

/// One capture file, held against a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alignment {
    /// The file, as it was named.
    pub file: Foreign,
    /// FINs and RSTs of which the recording tells enough to know them again.
    pub recorded: u64,
    /// FINs and RSTs in the file that have a time, every sighting counted.
    pub captured: u64,
    /// Segments found in both that agree on how the clocks relate.
    pub matches: u64,
    /// Segments found in both that do not: sent again, or held up for long.
    pub outliers: u64,
    /// FINs and RSTs in the file of connections the recording knows nothing of, or of which several
    /// network namespaces have one.
    pub unrelated: u64,
    /// Flows whose addresses were translated between here and there, and that were found again.
    pub translated: u64,
    /// How the clocks relate; `None` when nothing tells.
    pub fit: Option<Fit>,
}

/// How two clocks relate: a point they share, and how they drift apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// The middle of what was matched, by the hooks' clock.
    pub at: MonoNs,
    /// The same moment by the capture's clock, nanoseconds since 1970.
    pub capture_ns: i64,
    /// How far that may be off, in nanoseconds, as delays of either sign allow; `None` when only
    /// one direction was seen, which bounds it on one side alone.
    pub error_ns: Option<u64>,
    /// How fast the clocks drift apart; `None` when that is not known, and taken for nothing.
    pub drift: Option<Drift>,
    /// What was assumed of delays, which no two clocks can tell from an offset.
    pub assumption: Assumption,
    /// How far the matched segments are from it: the delays that are left, without sign.
    pub residual: Spread,
}

/// How much one clock gains on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    /// What the capture's clock gains in a million million of the hooks'.
    pub parts: i64,
    /// How far that may be off.
    pub error_parts: i64,
}

/// What was assumed of delays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Assumption {
    /// The shortest way there takes as long as the shortest way back.
    EqualShortest,
    /// The shortest way takes no time.
    NoShortest,
}

impl Assumption {
    /// Its name in output.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::EqualShortest => "shortest_delays_equal",
            Self::NoShortest => "shortest_delay_zero",
        }
    }
}

/// How numbers spread, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// Half are not above it.
    pub p50: u64,
    /// Of a hundred, 99 are not above it.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

impl Fit {
    /// A moment of the capture's clock by the hooks'; `None` when it was before that began.
    #[must_use]
    pub fn hooks_time(&self, capture_ns: i64) -> Option<MonoNs> {
        let gained = i128::from(self.drift.map_or(0, |drift| drift.parts));
        let since = i128::from(capture_ns) - i128::from(self.capture_ns);
        let since = since * PARTS / (PARTS + gained).max(1);
        let at = u64::try_from(i128::from(self.at.0) + since);
        at.ok().map(MonoNs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_gains_is_set_back_more_the_later_it_is() {
        let mut fit = Fit {
            at: MonoNs(1_000_000_000),
            capture_ns: 5_000_000_000,
            error_ns: None,
            drift: None,
            assumption: Assumption::NoShortest,
            residual: Spread::default(),
        };
        assert_eq!(fit.hooks_time(6_000_000_000), Some(MonoNs(2_000_000_000)));
        assert_eq!(fit.hooks_time(3_000_000_000), None);
        fit.drift = Some(Drift {
            parts: 100_000_000,
            error_parts: 0,
        });
        // A hundred parts in a million of ten seconds are a millisecond.
        assert_eq!(fit.hooks_time(15_001_000_000), Some(MonoNs(11_000_000_000)));
    }
}
