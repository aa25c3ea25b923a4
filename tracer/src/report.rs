//! What a report says of many endings together: when they were and of what cause, whose they were,
//! with whom, called from where, how long they took; bounded, pure.

use std::collections::HashMap;

use crate::{
    latency::{
        Latencies,
        group::{By, Key},
        leaked,
    },
    model::{
        ending::{Ending, How},
        time::MonoNs,
    },
};

pub mod ranking;
pub mod timeline;

use ranking::Ranking;
use timeline::Timeline;

/// Endings of one thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Endings.
    pub endings: u64,
    /// Of these, endings with an RST, sent or received.
    pub reset: u64,
    /// Of these, connections that somebody forgot.
    pub leaked: u64,
}

impl Counts {
    fn of(ending: &Ending) -> Self {
        let reset = |how: How| matches!(how, How::RstSent | How::RstReceived);
        Self {
            endings: 1,
            reset: u64::from(ending.acts.iter().any(|act| reset(act.how))),
            leaked: u64::from(leaked(ending)),
        }
    }

    fn add(&mut self, other: Self) {
        self.endings += other.endings;
        self.reset += other.reset;
        self.leaked += other.leaked;
    }
}

/// Everything that is said of the endings of a run together.
#[derive(Debug)]
pub struct Gathered {
    /// All of them.
    pub all: Counts,
    /// When they were, by cause.
    pub timeline: Timeline,
    /// Whose they were.
    pub owners: Ranking<Key>,
    /// With whom.
    pub peers: Ranking<Key>,
    /// Where in the programs they were called for, where that is known.
    pub code: Ranking<String>,
    /// How long their phases took.
    pub latencies: Latencies,
    /// Likewise, by cause.
    pub by_cause: Latencies,
    causes: HashMap<&'static str, Counts>,
}

impl Default for Gathered {
    fn default() -> Self {
        Self {
            all: Counts::default(),
            timeline: Timeline::default(),
            owners: Ranking::default(),
            peers: Ranking::default(),
            code: Ranking::default(),
            latencies: Latencies::new(By::All),
            by_cause: Latencies::new(By::Cause),
            causes: HashMap::new(),
        }
    }
}

impl Gathered {
    /// Takes in an ending, diagnosed: when it is dated, and where in a program it was called for.
    pub fn add(&mut self, ending: &Ending, at: MonoNs, code: Option<String>) {
        let counts = Counts::of(ending);
        let cause = ending.decisive().map_or("unknown", |act| act.cause.code());
        self.all.add(counts);
        self.causes.entry(cause).or_default().add(counts);
        self.timeline.add(at, cause);
        self.owners.add(By::Process.key(ending, None), counts);
        self.peers.add(By::Peer.key(ending, None), counts);
        if let Some(code) = code {
            self.code.add(code, counts);
        }
        self.latencies.add(ending, None);
        self.by_cause.add(ending, None);
    }

    /// The causes, those of most endings first.
    #[must_use]
    pub fn causes(&self) -> Vec<(&'static str, Counts)> {
        let mut causes: Vec<_> = self
            .causes
            .iter()
            .map(|(&cause, &it)| (cause, it))
            .collect();
        causes.sort_by_key(|&(cause, counts)| (std::cmp::Reverse(counts.endings), cause));
        causes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::arbitrary;

    proptest! {
        #[test]
        fn every_ending_is_counted_once_in_everything(
            endings in prop::collection::vec((arbitrary::ending(), 0..10_000_000_000_u64), 1..20)
        ) {
            let mut gathered = Gathered::default();
            for (ending, at) in &endings {
                gathered.add(ending, MonoNs(*at), Some("main".to_owned()));
            }
            let count = u64::try_from(endings.len()).unwrap();
            let causes: u64 = gathered.causes().iter().map(|(_, it)| it.endings).sum();
            let stretches = gathered.timeline.stretches();
            let timed: u64 = stretches.flat_map(|(_, causes)| causes.values()).sum();
            let owners: u64 = gathered.owners.first(99).iter().map(|(_, it)| it.endings).sum();
            let peers: u64 = gathered.peers.first(99).iter().map(|(_, it)| it.endings).sum();
            prop_assert_eq!([causes, timed, owners, peers, gathered.all.endings], [count; 5]);
            prop_assert_eq!(gathered.code.first(2), [(&"main".to_owned(), gathered.all)]);
        }
    }
}
