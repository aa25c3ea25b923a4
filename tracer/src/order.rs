//! Merges the records of several CPUs and lanes into one sequence ordered by time.
//!
//! Reads no clock: the caller says up to where nothing older is expected. Drops nothing.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque, binary_heap::PeekMut},
};

use crate::model::{observation::Observation, time::MonoNs};

#[cfg(test)]
mod tests;

/// What orders two records: time, CPU, the CPU's own count, and the arrival here.
///
/// Hooks nested on one CPU may share the first three; the arrival keeps the order total.
type Key = (MonoNs, u16, u64, u64);

/// Records of which each is younger than the one before.
#[derive(Debug, Default)]
struct Run {
    keys: VecDeque<Key>,
    /// As many, in the same order; apart from their keys, they are put where they stay at once.
    observations: VecDeque<Observation>,
}

/// The merge: records go in nearly ordered and come out ordered by `(at, cpu, seq)`.
///
/// Holds at most `capacity` records; one more pushes the oldest out before its time. Each buffer is
/// emptied at once and nearly in order, so there are about as many runs as buffers, and most
/// records are compared with the one before them alone.
#[derive(Debug)]
pub struct Merge {
    runs: Vec<Run>,
    /// The run the latest record went to.
    current: usize,
    /// The runs with records, by their oldest.
    heads: BinaryHeap<Reverse<(Key, usize)>>,
    /// The runs with records but the current one, by their youngest.
    tails: BTreeMap<Key, usize>,
    /// Runs that are empty, but the current one.
    free: Vec<usize>,
    len: usize,
    capacity: usize,
    arrivals: u64,
    /// The newest key handed out; anything older that arrives now is late.
    newest_out: Option<Key>,
    late: u64,
    early: u64,
}

impl Merge {
    /// A merge that holds at most `capacity` records.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            runs: vec![Run::default()],
            current: 0,
            heads: BinaryHeap::new(),
            tails: BTreeMap::new(),
            free: Vec::new(),
            len: 0,
            capacity,
            arrivals: 0,
            newest_out: None,
            late: 0,
            early: 0,
        }
    }

    /// Takes a record in; hands the oldest one out when there would be more than the capacity.
    ///
    /// What comes back must be used like what [`pop`](Self::pop) gives: it is nowhere else.
    #[must_use = "the record handed out early is nowhere else"]
    #[inline(always)]
    pub fn push(&mut self, observation: Observation) -> Option<Observation> {
        let key = (
            observation.at,
            observation.cpu,
            observation.seq,
            self.arrivals,
        );
        self.arrivals += 1;
        if self.newest_out.is_some_and(|newest| key < newest) {
            self.late += 1;
        }
        self.store(key, observation);
        if self.len <= self.capacity {
            return None;
        }
        self.early += 1;
        self.take_oldest()
    }

    /// Whether there is a record not younger than `watermark`.
    #[must_use]
    pub fn due(&self, watermark: MonoNs) -> bool {
        let oldest = self.heads.peek();
        oldest.is_some_and(|&Reverse(((at, ..), _))| at <= watermark)
    }

    /// Records that arrived after a younger one had been handed out.
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.late
    }

    /// Records handed out before a watermark allowed it, for want of room.
    #[must_use]
    pub const fn early(&self) -> u64 {
        self.early
    }

    /// Records waiting.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is waiting.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline(always)]
    fn store(&mut self, key: Key, observation: Observation) {
        let fits = |run: &Run| run.keys.back().is_none_or(|&youngest| youngest < key);
        if !self.runs.get(self.current).is_some_and(fits) {
            self.turn_to_run_of(key);
        }
        let Some(run) = self.runs.get_mut(self.current) else {
            return;
        };
        if run.keys.is_empty() {
            self.heads.push(Reverse((key, self.current)));
        }
        run.keys.push_back(key);
        run.observations.push_back(observation);
        self.len += 1;
    }

    /// Makes the run current whose youngest record is the least older one; else an empty one.
    fn turn_to_run_of(&mut self, key: Key) {
        let youngest = self.runs.get(self.current);
        if let Some(&youngest) = youngest.and_then(|run| run.keys.back()) {
            self.tails.insert(youngest, self.current);
        }
        let older = self.tails.range(..key).next_back();
        let older = older.map(|(&youngest, &run)| (youngest, run));
        self.current = if let Some((youngest, run)) = older {
            self.tails.remove(&youngest);
            run
        } else if let Some(run) = self.free.pop() {
            run
        } else {
            self.runs.push(Run::default());
            self.runs.len() - 1
        };
    }

    /// The oldest record, if it is not younger than `watermark`, where it lies.
    #[must_use]
    pub fn oldest(&self, watermark: MonoNs) -> Option<&Observation> {
        let &Reverse(((at, ..), place)) = self.heads.peek()?;
        let observation = self.runs.get(place)?.observations.front();
        observation.filter(|_| at <= watermark)
    }

    /// Hands out the oldest record, if it is not younger than `watermark`.
    pub fn pop(&mut self, watermark: MonoNs) -> Option<Observation> {
        self.due(watermark).then(|| self.take_oldest()).flatten()
    }

    /// Drops the oldest record, which [`oldest`](Self::oldest) showed; does nothing without one.
    pub fn drop_oldest(&mut self) {
        drop(self.take_oldest());
    }

    #[inline(always)]
    fn take_oldest(&mut self) -> Option<Observation> {
        let mut head = self.heads.peek_mut()?;
        let Reverse((_, place)) = *head;
        // What empty runs keep is no more in all than the capacity.
        let kept = self.capacity / self.runs.len().max(1);
        let run = self.runs.get_mut(place)?;
        let (key, observation) = (run.keys.pop_front()?, run.observations.pop_front()?);
        if let Some(&next) = run.keys.front() {
            *head = Reverse((next, place));
        } else {
            PeekMut::pop(head);
            if run.observations.capacity() > kept {
                *run = Run::default();
            }
            if place != self.current {
                self.tails.remove(&key);
                self.free.push(place);
            }
        }
        self.len -= 1;
        self.newest_out = self.newest_out.max(Some(key));
        Some(observation)
    }
}
