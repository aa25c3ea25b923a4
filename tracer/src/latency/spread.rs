//! How durations are spread: exact where that is cheap, to a hundredth elsewhere.

use hdrhistogram::Histogram;

/// Significant digits kept of a duration.
const DIGITS: u8 = 2;

/// Durations that are not told apart from this one: some 12 days.
const LONGEST_NS: u64 = 1 << 50;

/// What is 1.96 standard deviations to either side holds 95 of a hundred.
const DEVIATIONS: f64 = 1.959_963_984_540_054;

/// A number and the interval that holds the true one in 95 of a hundred cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// What was seen.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Durations of which no more is known than between what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The shortest they may be, in nanoseconds.
    pub low: u64,
    /// The longest they may be.
    pub high: u64,
    /// How many there are.
    pub count: u64,
    /// How long they are together.
    pub sum: u64,
    /// The longest, within the bucket.
    pub max: u64,
}

/// Durations in nanoseconds, in 20 kB at the most.
#[derive(Clone, Debug, Default)]
pub struct Spread {
    /// `None` until there is something.
    histogram: Option<Histogram<u32>>,
    count: u64,
    sum: u128,
    max: u64,
    /// Mean of the squares of the distances from the mean, times the count (Welford).
    squares: f64,
    mean: f64,
}

impl Spread {
    /// Takes in a duration.
    pub fn add(&mut self, ns: u64) {
        if self.histogram.is_none() {
            // It fails for digits alone that it cannot keep.
            self.histogram = Histogram::new(DIGITS).ok();
        }
        if let Some(histogram) = &mut self.histogram {
            // It grows as far as it is let; what is longer counts as this long.
            let _ = histogram.record(ns.min(LONGEST_NS));
        }
        self.count += 1;
        self.sum += u128::from(ns);
        self.max = self.max.max(ns);
        let distance = float(ns) - self.mean;
        self.mean += distance / float(self.count);
        self.squares += distance * (float(ns) - self.mean);
    }

    /// Takes in durations of which only their bucket is known, in `bucket.count`.
    ///
    /// They count as long as the mean of the bucket, so a quantile is off by its width at the most.
    pub fn add_bucket(&mut self, bucket: &Bucket) {
        let Bucket {
            count, sum, max, ..
        } = *bucket;
        let Some(mean) = sum.checked_div(count) else {
            return;
        };
        if self.histogram.is_none() {
            self.histogram = Histogram::new(DIGITS).ok();
        }
        if let Some(histogram) = &mut self.histogram {
            let many = u32::try_from(count).unwrap_or(u32::MAX);
            let _ = histogram.record_n(mean.min(LONGEST_NS), many);
        }
        let (before, added) = (float(self.count), float(count));
        let own = float(sum) / added;
        let distance = own - self.mean;
        self.count += count;
        self.sum += u128::from(sum);
        self.max = self.max.max(max);
        self.mean += distance * added / float(self.count);
        // As two groups are put together (Chan and others, 1979); within its bucket a duration may
        // be anywhere, which adds what an even spread has.
        let width = float(bucket.high - bucket.low + 1);
        self.squares += distance * distance * before * added / float(self.count);
        self.squares += (added - 1.0) * width * width / 12.0;
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The longest, exact.
    #[must_use]
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// Their mean, exact to a nanosecond; zero without any.
    #[must_use]
    pub fn mean(&self) -> u64 {
        let mean = self.sum.checked_div(u128::from(self.count)).unwrap_or(0);
        u64::try_from(mean).unwrap_or(u64::MAX)
    }

    /// What `share` of them take no longer than, to a hundredth; never more than the longest.
    #[must_use]
    pub fn quantile(&self, share: f64) -> u64 {
        let histogram = self.histogram.as_ref();
        let value = histogram.map_or(0, |it| it.value_at_quantile(share));
        value.min(self.max)
    }

    /// Of `parts` stretches of equal width on a scale where each nanosecond count is `ratio` times
    /// the one before, from `low` on: how many durations lie in each.
    #[must_use]
    pub fn stretches(&self, low: u64, ratio: f64, parts: usize) -> Vec<u64> {
        let mut counts = vec![0; parts];
        let histogram = self.histogram.as_ref();
        for step in histogram.into_iter().flat_map(Histogram::iter_recorded) {
            let value = step.value_iterated_to().max(1);
            let place = (float(value) / float(low.max(1))).ln() / ratio.ln();
            let place = usize::try_from(whole(place)).unwrap_or(usize::MAX);
            if let Some(count) = counts.get_mut(place.min(parts.saturating_sub(1))) {
                *count += u64::from(step.count_at_value());
            }
        }
        counts
    }

    /// What shares of all take no longer than each of the durations that were seen, ascending.
    #[must_use]
    pub fn cumulated(&self) -> Vec<(u64, f64)> {
        let mut before = 0;
        let histogram = self.histogram.as_ref();
        histogram
            .into_iter()
            .flat_map(Histogram::iter_recorded)
            .map(|step| {
                before += u64::from(step.count_at_value());
                let value = step.value_iterated_to().min(self.max);
                (value, float(before) / float(self.count))
            })
            .collect()
    }

    /// The mean and where the true one is, by the normal distribution; `None` with fewer than two.
    #[must_use]
    pub fn mean_estimate(&self) -> Option<Estimate> {
        let others = self.count.checked_sub(1).filter(|&it| it > 0)?;
        let deviation = (self.squares / float(others)).sqrt();
        let half = DEVIATIONS * deviation / float(self.count).sqrt();
        Some(Estimate {
            value: self.mean,
            low: self.mean - half,
            high: self.mean + half,
        })
    }

    /// A quantile and where the true one is: between the durations whose ranks are as far from its
    /// own as chance puts them. `None` where there are too few to say.
    #[must_use]
    pub fn quantile_estimate(&self, share: f64) -> Option<Estimate> {
        let count = float(self.count);
        let half = DEVIATIONS * (share * (1.0 - share) / count).sqrt();
        let (low, high) = (share - half, share + half);
        let inside = |share: f64| (0.0..=1.0).contains(&share);
        (self.count > 0 && inside(low) && inside(high)).then(|| Estimate {
            value: float(self.quantile(share)),
            low: float(self.quantile(low)),
            high: float(self.quantile(high)),
        })
    }
}

/// A share and where the true one is (Wilson, 1927); `None` of nothing.
#[must_use]
pub fn share_estimate(part: u64, whole: u64) -> Option<Estimate> {
    if whole == 0 {
        return None;
    }
    let (share, count) = (float(part) / float(whole), float(whole));
    let square = DEVIATIONS * DEVIATIONS;
    let middle = (share + square / (2.0 * count)) / (1.0 + square / count);
    let spread = (share * (1.0 - share) / count + square / (4.0 * count * count)).sqrt();
    let half = DEVIATIONS * spread / (1.0 + square / count);
    Some(Estimate {
        value: share,
        low: (middle - half).min(share),
        high: (middle + half).max(share),
    })
}

/// The nearest number a float has.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "what is lost of 64 bits is less than a statistic tells"
)]
#[must_use]
pub const fn float(number: u64) -> f64 {
    number as f64
}

/// The whole part; zero of what is negative or no number, and the largest of what is larger.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and is zero of what is no number"
)]
#[must_use]
pub const fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spread(durations: &[u64]) -> Spread {
        let mut spread = Spread::default();
        for &ns in durations {
            spread.add(ns);
        }
        spread
    }

    proptest! {
        #[test]
        fn quantiles_are_right_to_a_hundredth(mut durations in prop::collection::vec(1_u64..1 << 45, 1..200)) {
            let spread = spread(&durations);
            durations.sort_unstable();
            for share in [0.5, 0.9, 0.99, 0.999] {
                let rank = whole((float(u64::try_from(durations.len()).unwrap()) * share).ceil()).max(1);
                let exact = durations[usize::try_from(rank).unwrap() - 1];
                let told = spread.quantile(share);
                prop_assert!(told >= exact && float(told) <= float(exact) * 1.01 + 1.0, "{} for {}", told, exact);
            }
            prop_assert_eq!(spread.max(), *durations.last().unwrap());
        }

        #[test]
        fn in_buckets_all_is_as_one_by_one_but_for_their_width(
            mut durations in prop::collection::vec(1_u64..1 << 45, 2..200)
        ) {
            let exact = spread(&durations);
            durations.sort_unstable();
            let mut gathered = Spread::default();
            for own in durations.chunk_by(|a, b| a.ilog2() == b.ilog2()) {
                let low = 1 << own[0].ilog2();
                gathered.add_bucket(&Bucket {
                    low,
                    high: 2 * low - 1,
                    count: u64::try_from(own.len()).unwrap(),
                    sum: own.iter().sum(),
                    max: *own.last().unwrap(),
                });
            }
            let (told, known) = (&gathered, &exact);
            prop_assert_eq!(
                (told.count(), told.mean(), told.max()),
                (known.count(), known.mean(), known.max())
            );
            for share in [0.5, 0.9, 0.99] {
                let (told, known) = (float(told.quantile(share)), float(known.quantile(share)));
                prop_assert!(told <= known * 2.02 + 1.0 && known <= told * 2.02 + 1.0, "{} {}", told, known);
            }
            let mean = told.mean_estimate().unwrap();
            prop_assert!((mean.value / known.mean_estimate().unwrap().value - 1.0).abs() < 1e-6);
        }

        #[test]
        fn every_duration_is_in_one_stretch(durations in prop::collection::vec(0_u64..1 << 50, 0..200)) {
            let counted: u64 = spread(&durations).stretches(1_000, 2.0, 20).iter().sum();
            prop_assert_eq!(counted, u64::try_from(durations.len()).unwrap());
        }

        #[test]
        fn shares_ascend_to_the_whole(durations in prop::collection::vec(0_u64..1 << 50, 1..200)) {
            let shares = spread(&durations).cumulated();
            prop_assert!(shares.is_sorted());
            prop_assert!((shares.last().unwrap().1 - 1.0).abs() < 1e-9);
        }

        #[test]
        fn what_was_seen_is_within_its_interval(part in 0_u64..1_000, more in 1_u64..1_000) {
            let Estimate { value, low, high } = share_estimate(part, part + more).unwrap();
            prop_assert!(low <= value && value <= high && low >= -1e-9 && high <= 1.0 + 1e-9);
        }
    }

    #[test]
    fn a_mean_is_where_its_interval_says_it_is() {
        // 1 to 100: standard deviation 29.011, of the mean 2.901.
        let Estimate { value, low, high } = spread(&(1..=100).collect::<Vec<_>>())
            .mean_estimate()
            .unwrap();
        assert!((value - 50.5).abs() < 1e-9);
        assert!(
            (low - 44.814).abs() < 0.001 && (high - 56.186).abs() < 0.001,
            "{low} {high}"
        );
    }

    #[test]
    fn too_few_durations_have_no_interval() {
        assert_eq!(spread(&[7]).mean_estimate(), None);
        assert_eq!(spread(&[1, 2, 3]).quantile_estimate(0.99), None);
        assert!(
            spread(&(1..=1_000).collect::<Vec<_>>())
                .quantile_estimate(0.99)
                .is_some()
        );
        assert_eq!(share_estimate(0, 0), None);
    }

    #[test]
    fn nothing_has_no_durations() {
        let none = Spread::default();
        assert_eq!(
            (none.count(), none.mean(), none.quantile(0.5), none.max()),
            (0, 0, 0, 0)
        );
        assert!(none.cumulated().is_empty());
    }
}
