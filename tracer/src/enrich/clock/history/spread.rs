//! How numbers spread: the median and the most of any many of them, in little room.

/// Eight to each power of two from eight up, and eight for the numbers below.
const PLACES: usize = 8 * 62;

/// Numbers counted by their size, each within an eighth of it.
#[derive(Debug)]
pub(super) struct Spread {
    counts: Vec<u64>,
    most: u64,
}

impl Default for Spread {
    fn default() -> Self {
        Self {
            counts: vec![0; PLACES],
            most: 0,
        }
    }
}

impl Spread {
    /// Counts a number.
    pub(super) fn add(&mut self, number: u64) {
        if let Some(count) = self.counts.get_mut(place(number)) {
            *count += 1;
        }
        self.most = self.most.max(number);
    }

    /// The largest number; zero when there is none.
    pub(super) const fn most(&self) -> u64 {
        self.most
    }

    /// The number half of all do not exceed, rounded up by an eighth at most; zero when there is
    /// none.
    pub(super) fn median(&self) -> u64 {
        let half = self.counts.iter().sum::<u64>().div_ceil(2);
        let mut below = 0;
        for (place, count) in self.counts.iter().enumerate() {
            below += count;
            if below >= half && half > 0 {
                return largest(place).min(self.most);
            }
        }
        0
    }
}

/// Numbers below eight have places of their own; above, there are eight to each power of two.
fn place(number: u64) -> usize {
    let power = number.checked_ilog2().unwrap_or(0).max(2);
    let shift = power.saturating_sub(3);
    let first = if power < 3 {
        0
    } else {
        (u64::from(power) - 2) * 8
    };
    let within = number >> shift;
    let within = if power < 3 { within } else { within - 8 };
    usize::try_from(first + within).unwrap_or(usize::MAX)
}

/// The largest number of a place.
fn largest(place: usize) -> u64 {
    let place = u64::try_from(place).unwrap_or(0);
    if place < 8 {
        return place;
    }
    let shift = place / 8 - 1;
    let first = (place % 8 + 8) << shift;
    first + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_holds_numbers_within_an_eighth(number in any::<u64>(), shift in 0..64_u32) {
            let number = number >> shift;
            let last = largest(place(number));
            prop_assert!(last >= number && last - number <= number / 8, "{number} {last}");
            prop_assert_eq!(place(last), place(number));
            prop_assert!(place(number) < PLACES);
        }

        #[test]
        fn the_median_is_a_little_above_the_middle_number(
            mut numbers in proptest::collection::vec(0..10_000_u64, 1..50),
        ) {
            let mut spread = Spread::default();
            for &number in &numbers {
                spread.add(number);
            }
            numbers.sort_unstable();
            let middle = numbers[(numbers.len() - 1) / 2];
            let median = spread.median();
            prop_assert!(median >= middle && median <= middle + middle / 8);
            prop_assert_eq!(spread.most(), *numbers.last().unwrap());
        }
    }

    #[test]
    fn nothing_has_no_median() {
        assert_eq!(Spread::default().median(), 0);
    }
}
