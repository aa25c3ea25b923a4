//! How long the phases of endings took: by process, by peer or by cause, in bounded memory.

use std::collections::BTreeMap;

use crate::model::{
    cause::Cause,
    ending::{Ending, How},
    phases::Phase,
};

pub mod difference;
pub mod group;
pub mod spread;

use group::{By, Key};
use spread::Spread;

/// Groups told apart at most, a few hundred kilobytes each; the endings of others are counted alone.
const GROUPS: usize = 512;

/// The phases of the endings of one group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Endings.
    pub endings: u64,
    /// Of these, endings with an RST, sent or received.
    pub reset: u64,
    /// Of these, connections that somebody forgot: see [`leaked`].
    pub leaked: u64,
    phases: [Spread; Phase::ALL.len()],
}

impl Default for Group {
    fn default() -> Self {
        Self {
            endings: 0,
            reset: 0,
            leaked: 0,
            phases: std::array::from_fn(|_| Spread::default()),
        }
    }
}

impl Group {
    /// Takes in endings that were counted elsewhere; their phases come apart.
    pub const fn add_endings(&mut self, count: u64, reset: bool, leaked: bool) {
        self.endings += count;
        if reset {
            self.reset += count;
        }
        if leaked {
            self.leaked += count;
        }
    }

    /// How a phase is spread, to take in more.
    pub fn spread(&mut self, phase: Phase) -> Option<&mut Spread> {
        let mut phases = Phase::ALL.into_iter().zip(&mut self.phases);
        phases
            .find(|(it, _)| *it == phase)
            .map(|(_, spread)| spread)
    }

    /// The phases that were seen, in the order in which they come.
    pub fn phases(&self) -> impl Iterator<Item = (Phase, &Spread)> {
        let all = Phase::ALL.into_iter().zip(&self.phases);
        all.filter(|(_, spread)| spread.count() > 0)
    }

    fn add(&mut self, ending: &Ending) {
        self.endings += 1;
        let reset = |how: How| matches!(how, How::RstSent | How::RstReceived);
        self.reset += u64::from(ending.acts.iter().any(|act| reset(act.how)));
        self.leaked += u64::from(leaked(ending));
        let phases = ending.phases();
        for (phase, spread) in Phase::ALL.into_iter().zip(&mut self.phases) {
            if let Some(ns) = phases.of(phase) {
                spread.add(ns);
            }
        }
    }
}

/// Whether a side of the connection was forgotten: the program never closed it, or its peer never
/// did after it.
#[must_use]
pub fn leaked(ending: &Ending) -> bool {
    let forgotten = |cause: Cause| {
        matches!(
            cause,
            Cause::CloseWaitLeak | Cause::FinWait2Stuck | Cause::FinWait2Timeout
        )
    };
    ending.acts.iter().any(|act| forgotten(act.cause))
}

/// The phases of all endings so far, told apart by what was asked.
#[derive(Debug)]
pub struct Latencies {
    by: By,
    groups: BTreeMap<Key, Group>,
    refused: u64,
    in_kernel: bool,
}

impl Latencies {
    /// Nothing yet.
    #[must_use]
    pub const fn new(by: By) -> Self {
        Self {
            by,
            groups: BTreeMap::new(),
            refused: 0,
            in_kernel: false,
        }
    }

    /// Nothing yet, of what the kernel gathers in buckets an eighth as wide as what is in them is
    /// long.
    #[must_use]
    pub fn in_kernel(by: By) -> Self {
        Self {
            in_kernel: true,
            ..Self::new(by)
        }
    }

    /// What is told apart.
    #[must_use]
    pub const fn by(&self) -> By {
        self.by
    }

    /// The share of a duration by which a quantile may be off.
    #[must_use]
    pub const fn within(&self) -> f64 {
        if self.in_kernel { 0.125 } else { 0.01 }
    }

    /// Takes in an ending, diagnosed, and where it was called for if that is known. What ended no
    /// connection is none: a close whose socket lives on, an RST in the name of nobody.
    pub fn add(&mut self, ending: &Ending, code: Option<&str>) {
        let decisive = ending.decisive();
        if ending.socket.is_none() || decisive.is_none_or(|act| act.how == How::HeldOpen) {
            return;
        }
        let key = self.by.key(ending, code);
        match self.group(key) {
            Some(group) => group.add(ending),
            None => self.refused += 1,
        }
    }

    /// A group, made if need be; `None` where there is no room for one more.
    pub fn group(&mut self, key: Key) -> Option<&mut Group> {
        if !self.groups.contains_key(&key) && self.groups.len() >= GROUPS {
            return None;
        }
        Some(self.groups.entry(key).or_default())
    }

    /// Counts endings for whose group there is no room.
    pub const fn refuse(&mut self, endings: u64) {
        self.refused += endings;
    }

    /// The groups, those of most endings first.
    #[must_use]
    pub fn groups(&self) -> Vec<(&Key, &Group)> {
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.endings));
        groups
    }

    /// Endings for whose group there was no room.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Hands over what there is, and begins anew.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let begun = Self {
            in_kernel: self.in_kernel,
            ..Self::new(self.by)
        };
        std::mem::replace(self, begun)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::arbitrary;

    proptest! {
        #[test]
        fn every_ending_is_in_one_group_and_every_phase_in_one_spread(
            endings in prop::collection::vec(arbitrary::ending(), 1..20)
        ) {
            for by in By::ALL {
                let mut latencies = Latencies::new(by);
                for ending in &endings {
                    latencies.add(ending, Some("main"));
                }
                let told = |ending: &&Ending| {
                    let ends = ending.decisive().is_some_and(|act| act.how != How::HeldOpen);
                    ends && ending.socket.is_some()
                };
                let told: Vec<_> = endings.iter().filter(told).collect();
                let groups = latencies.groups();
                let sum: u64 = groups.iter().map(|(_, group)| group.endings).sum();
                prop_assert_eq!(sum, u64::try_from(told.len()).unwrap());
                for phase in Phase::ALL {
                    let mut seen: Vec<_> = told.iter().filter_map(|it| it.phases().of(phase)).collect();
                    seen.sort_unstable();
                    let spreads = groups.iter().flat_map(|(_, group)| group.phases());
                    let spreads: Vec<_> = spreads.filter(|(of, _)| *of == phase).collect();
                    let count: u64 = spreads.iter().map(|(_, spread)| spread.count()).sum();
                    prop_assert_eq!(count, u64::try_from(seen.len()).unwrap());
                    let longest = spreads.iter().map(|(_, spread)| spread.max()).max();
                    prop_assert_eq!(longest, seen.last().copied());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn one_group_too_many_is_counted_and_takes_no_room(mut ending in arbitrary::ending()) {
            prop_assume!(ending.decisive().is_some_and(|act| act.how != How::HeldOpen));
            prop_assume!(ending.socket.is_some());
            let mut latencies = Latencies::new(By::Peer);
            for number in 0..u32::try_from(GROUPS + 5).unwrap() {
                ending.flow.remote = (std::net::Ipv4Addr::from(number), 80).into();
                latencies.add(&ending, None);
                latencies.add(&ending, None);
            }
            prop_assert_eq!(latencies.groups().len(), GROUPS);
            prop_assert_eq!(latencies.refused(), 10);
            let taken = latencies.take();
            prop_assert_eq!(taken.groups().len(), GROUPS);
            prop_assert!(latencies.groups().is_empty() && latencies.refused() == 0);
        }
    }
}
