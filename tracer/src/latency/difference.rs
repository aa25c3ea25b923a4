//! Two runs held against each other: what differs, and whether chance could have made it.

use super::{
    Group,
    spread::{Estimate, Spread, share_estimate},
};
use crate::model::phases::Phase;

/// One number of both runs, and how far the second is from the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Of the first run.
    pub before: f64,
    /// Of the second.
    pub after: f64,
    /// The second less the first, with the interval that holds the true difference in 95 of a
    /// hundred cases; `None` where there are too few endings to say.
    pub change: Option<Estimate>,
}

impl Difference {
    /// Whether the true difference may be none.
    #[must_use]
    pub fn may_be_chance(&self) -> bool {
        self.change.is_none_or(|it| it.low <= 0.0 && it.high >= 0.0)
    }
}

/// A phase of both runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhaseDifference {
    /// Which.
    pub phase: Phase,
    /// Durations of it in the first run and in the second.
    pub counts: (u64, u64),
    /// The means, in nanoseconds.
    pub mean: Difference,
    /// The medians, likewise.
    pub p50: Difference,
    /// What 99 of a hundred take no longer than, likewise.
    pub p99: Difference,
}

/// Two groups of endings, held against each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Differences {
    /// Endings of the first run and of the second.
    pub endings: (u64, u64),
    /// The shares that ended by an RST.
    pub reset: Difference,
    /// The shares that somebody forgot.
    pub leaked: Difference,
    /// The phases that both have.
    pub phases: Vec<PhaseDifference>,
}

/// Holds the second run against the first.
#[must_use]
pub fn differences(before: &Group, after: &Group) -> Differences {
    let share = |part: fn(&Group) -> u64| {
        let of = |group: &Group| share_estimate(part(group), group.endings);
        difference(of(before), of(after), (0.0, 0.0))
    };
    let phases = before.phases().filter_map(|(phase, first)| {
        let (_, second) = after.phases().find(|(other, _)| *other == phase)?;
        Some(phase_difference(phase, first, second))
    });
    Differences {
        endings: (before.endings, after.endings),
        reset: share(|group| group.reset),
        leaked: share(|group| group.leaked),
        phases: phases.collect(),
    }
}

fn phase_difference(phase: Phase, first: &Spread, second: &Spread) -> PhaseDifference {
    let seen = |of: fn(&Spread) -> u64| {
        (
            super::spread::float(of(first)),
            super::spread::float(of(second)),
        )
    };
    let quantile = |share: f64, seen| {
        difference(
            first.quantile_estimate(share),
            second.quantile_estimate(share),
            seen,
        )
    };
    PhaseDifference {
        phase,
        counts: (first.count(), second.count()),
        mean: difference(
            first.mean_estimate(),
            second.mean_estimate(),
            seen(Spread::mean),
        ),
        p50: quantile(0.5, seen(|it| it.quantile(0.5))),
        p99: quantile(0.99, seen(|it| it.quantile(0.99))),
    }
}

/// The interval of a difference from the intervals of both numbers: where they are not symmetric,
/// the near sides count (Zou and Donner, 2008).
fn difference(before: Option<Estimate>, after: Option<Estimate>, seen: (f64, f64)) -> Difference {
    let value = |estimate: Option<Estimate>, seen| estimate.map_or(seen, |it| it.value);
    let change = before.zip(after).map(|(before, after)| {
        let value = after.value - before.value;
        Estimate {
            value,
            low: value - (after.value - after.low).hypot(before.high - before.value),
            high: value + (after.high - after.value).hypot(before.value - before.low),
        }
    });
    Difference {
        before: value(before, seen.0),
        after: value(after, seen.1),
        change,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(from: u64, to: u64) -> Spread {
        let mut spread = Spread::default();
        for ns in from..to {
            spread.add(ns * 1_000);
        }
        spread
    }

    #[test]
    fn the_same_twice_may_be_chance() {
        let it = spread(0, 500);
        let told = phase_difference(Phase::Total, &it, &it);
        for difference in [told.mean, told.p50, told.p99] {
            assert!(difference.may_be_chance(), "{difference:?}");
            assert!(difference.change.unwrap().value.abs() < 1e-9);
        }
    }

    #[test]
    fn what_takes_twice_as_long_is_no_chance() {
        let told = phase_difference(Phase::Total, &spread(0, 500), &spread(500, 1_500));
        for difference in [told.mean, told.p50, told.p99] {
            assert!(!difference.may_be_chance(), "{difference:?}");
            assert!(difference.change.unwrap().low > 0.0);
        }
    }

    #[test]
    fn two_of_each_say_what_they_are_and_nothing_of_others() {
        let told = phase_difference(Phase::Total, &spread(0, 2), &spread(5, 7));
        assert!(told.p99.may_be_chance() && told.p99.change.is_none());
        assert!(told.p99.after > told.p99.before);
    }

    #[test]
    fn shares_differ_as_newcombe_has_it() {
        // Newcombe 1998, method 10: 56 of 70 less 48 of 80 is 0.2, from 0.0524 to 0.3339.
        let told = difference(share_estimate(48, 80), share_estimate(56, 70), (0.0, 0.0));
        let Estimate { value, low, high } = told.change.unwrap();
        assert!((value - 0.2).abs() < 1e-9);
        assert!(
            (low - 0.0524).abs() < 1e-4 && (high - 0.3339).abs() < 1e-4,
            "{low} {high}"
        );
    }
}
