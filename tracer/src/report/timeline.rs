//! When endings were, by cause: in stretches of time that get longer as the run does.

use std::collections::BTreeMap;

use crate::model::time::MonoNs;

/// Stretches between the first and the last ending at most.
const STRETCHES: u64 = 240;

/// The shortest stretch, in nanoseconds.
const SHORTEST_NS: u64 = 1_000_000;

/// How many endings of each cause there were.
pub type Causes = BTreeMap<&'static str, u64>;

/// Endings over time.
#[derive(Clone, Debug)]
pub struct Timeline {
    width_ns: u64,
    /// By the number of the stretch, counted from the beginning of time.
    stretches: BTreeMap<u64, Causes>,
    span: Option<(MonoNs, MonoNs)>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            width_ns: SHORTEST_NS,
            stretches: BTreeMap::new(),
            span: None,
        }
    }
}

impl Timeline {
    pub(super) fn add(&mut self, at: MonoNs, cause: &'static str) {
        let (first, last) = self.span.unwrap_or((at, at));
        self.span = Some((first.min(at), last.max(at)));
        let stretch = self.stretches.entry(at.0 / self.width_ns).or_default();
        *stretch.entry(cause).or_default() += 1;
        self.fit(STRETCHES);
    }

    /// The same in at most `count` stretches.
    #[must_use]
    pub fn coarser(&self, count: u64) -> Self {
        let mut coarser = self.clone();
        coarser.fit(count.max(1));
        coarser
    }

    /// When the first and the last ending were; `None` without any.
    #[must_use]
    pub const fn span(&self) -> Option<(MonoNs, MonoNs)> {
        self.span
    }

    /// How long a stretch is, in nanoseconds.
    #[must_use]
    pub const fn width_ns(&self) -> u64 {
        self.width_ns
    }

    /// When each stretch with endings begins, and what there is in it, in the order of time.
    pub fn stretches(&self) -> impl Iterator<Item = (MonoNs, &Causes)> {
        let stretches = self.stretches.iter();
        stretches.map(|(number, causes)| (MonoNs(number * self.width_ns), causes))
    }

    /// The endings of a cause in each stretch from the first to the last.
    #[must_use]
    pub fn of(&self, cause: &str) -> Vec<u64> {
        let number = |end: Option<(&u64, _)>| end.map_or(0, |(number, _)| *number);
        let first = number(self.stretches.first_key_value());
        let last = number(self.stretches.last_key_value());
        let count = |number| {
            let causes = self.stretches.get(&number);
            causes.and_then(|it| it.get(cause)).copied().unwrap_or(0)
        };
        (first..=last).map(count).collect()
    }

    /// Doubles the stretches until there are no more than `count`.
    fn fit(&mut self, count: u64) {
        while let Some((first, last)) = self.span
            && last.0 / self.width_ns - first.0 / self.width_ns >= count
        {
            let Some(wider) = self.width_ns.checked_mul(2) else {
                return;
            };
            self.width_ns = wider;
            for (number, causes) in std::mem::take(&mut self.stretches) {
                let stretch = self.stretches.entry(number / 2).or_default();
                for (cause, endings) in causes {
                    *stretch.entry(cause).or_default() += endings;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_ending_is_lost_and_each_is_in_its_stretch(times in prop::collection::vec(any::<u64>(), 1..50)) {
            let mut timeline = Timeline::default();
            for &at in &times {
                timeline.add(MonoNs(at), "refused");
            }
            for timeline in [timeline.clone(), timeline.coarser(10), timeline.coarser(0)] {
                let width = timeline.width_ns();
                for (begin, causes) in timeline.stretches() {
                    let within = |at: &&u64| **at >= begin.0 && **at - begin.0 < width;
                    let inside = u64::try_from(times.iter().filter(within).count()).unwrap();
                    prop_assert_eq!(causes.get("refused").copied(), Some(inside));
                }
                let counts = timeline.of("refused");
                let sum: u64 = counts.iter().sum();
                prop_assert_eq!(sum, u64::try_from(times.len()).unwrap());
                prop_assert!(u64::try_from(counts.len()).unwrap() <= STRETCHES);
            }
        }
    }

    #[test]
    fn a_short_run_has_short_stretches() {
        let mut timeline = Timeline::default();
        timeline.add(MonoNs(5_000_000), "refused");
        timeline.add(MonoNs(7_500_000), "app_close");
        assert_eq!(timeline.width_ns(), SHORTEST_NS);
        assert_eq!(timeline.of("app_close"), [0, 0, 1]);
        assert_eq!(
            timeline.span(),
            Some((MonoNs(5_000_000), MonoNs(7_500_000)))
        );
    }
}
