//! Who or what most endings are of.

use std::collections::BTreeMap;

use super::Counts;

/// Keys told apart at most; the endings of others are counted together.
const KEYS: usize = 16_384;

/// The endings of each of many things.
#[derive(Debug)]
pub struct Ranking<K> {
    counts: BTreeMap<K, Counts>,
    others: Counts,
}

impl<K> Default for Ranking<K> {
    fn default() -> Self {
        Self {
            counts: BTreeMap::new(),
            others: Counts::default(),
        }
    }
}

impl<K: Ord> Ranking<K> {
    pub(super) fn add(&mut self, key: K, counts: Counts) {
        if self.counts.len() >= KEYS && !self.counts.contains_key(&key) {
            self.others.add(counts);
        } else {
            self.counts.entry(key).or_default().add(counts);
        }
    }

    /// The first `count` of them, those of most endings first.
    #[must_use]
    pub fn first(&self, count: usize) -> Vec<(&K, Counts)> {
        let mut ranked: Vec<_> = self.counts.iter().map(|(key, &it)| (key, it)).collect();
        ranked.sort_unstable_by(|(one, less), (other, more)| {
            more.endings.cmp(&less.endings).then_with(|| one.cmp(other))
        });
        ranked.truncate(count);
        ranked
    }

    /// How many there are, as far as they are told apart.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.counts.len()
    }

    /// The endings for whose key there was no room.
    #[must_use]
    pub const fn others(&self) -> Counts {
        self.others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Counts = Counts {
        endings: 1,
        reset: 1,
        leaked: 0,
    };

    #[test]
    fn most_come_first_and_equals_in_their_order() {
        let mut ranking = Ranking::default();
        for key in ["b", "c", "a", "c"] {
            ranking.add(key, ONE);
        }
        let first: Vec<_> = ranking
            .first(3)
            .iter()
            .map(|(key, it)| (**key, it.endings))
            .collect();
        assert_eq!(first, [("c", 2), ("a", 1), ("b", 1)]);
        assert_eq!((ranking.first(1).len(), ranking.keys()), (1, 3));
    }

    #[test]
    fn what_has_no_room_is_counted_together() {
        let mut ranking = Ranking::default();
        for key in 0..KEYS + 3 {
            ranking.add(key, ONE);
            ranking.add(0, ONE);
        }
        assert_eq!((ranking.keys(), ranking.others().endings), (KEYS, 3));
        assert_eq!(
            ranking.first(1),
            [(
                &0,
                Counts {
                    endings: 16_388,
                    reset: 16_388,
                    leaked: 0
                }
            )]
        );
    }
}
