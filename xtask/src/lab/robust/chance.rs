//! Chance that can be had again: the same numbers for the same seed.

use std::{env, time::Duration};

use anyhow::Context as _;

/// Where chance begins unless `FINRST_SEED` says otherwise.
const SEED: u64 = 20_260_101;

/// The seed asked for.
///
/// # Errors
/// `FINRST_SEED` is no number.
pub(crate) fn seed() -> anyhow::Result<u64> {
    asked("FINRST_SEED", SEED)
}

/// The number a variable of the environment has, or else this one.
///
/// # Errors
/// It has something else.
pub(super) fn asked(name: &str, otherwise: u64) -> anyhow::Result<u64> {
    match env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} is a number")),
        Err(_) => Ok(otherwise),
    }
}

/// Numbers nobody would guess (Steele, Lea and Flood's `SplitMix`).
pub(super) struct Chance(u64);

impl Chance {
    /// Those of this seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Those of somebody who draws beside this one, whoever is faster.
    pub(super) fn another(&mut self) -> Self {
        Self(self.next())
    }

    /// The next number below this one, which is not zero.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// A time below this many milliseconds.
    pub(super) fn moment(&mut self, end_ms: u64) -> Duration {
        Duration::from_millis(self.below(end_ms))
    }

    /// One of these; `None` of none.
    pub(super) fn one_of<'these, T>(&mut self, these: &'these [T]) -> Option<&'these T> {
        let number = self.below(u64::try_from(these.len()).unwrap_or(1));
        these.get(usize::try_from(number).ok()?)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_numbers_and_another_others() {
        let draw = |seed| {
            let mut chance = Chance::new(seed);
            [(); 8].map(|()| chance.below(1_000))
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(3).iter().all(|&it| it < 1_000));
    }
}
