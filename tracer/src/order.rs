//! Merges the records of several CPUs and lanes into one sequence ordered by time.
//!
//! Reads no clock: the caller says up to where nothing older is expected. Drops nothing.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::model::{observation::Observation, time::MonoNs};

#[cfg(test)]
mod tests;

/// What orders two records: time, CPU, the CPU's own count, and the arrival here.
///
/// Hooks nested on one CPU may share the first three; the arrival keeps the order total.
type Key = (MonoNs, u16, u64, u64);

/// The merge: records go in nearly ordered and come out ordered by `(at, cpu, seq)`.
///
/// Holds at most `capacity` records; one more pushes the oldest out before its time.
#[derive(Debug)]
pub struct Merge {
    /// Oldest first; the number is the record's slot.
    waiting: BinaryHeap<Reverse<(Key, usize)>>,
    /// The records themselves, too large to be moved about in the heap.
    slots: Vec<Option<Observation>>,
    /// Slots that are empty.
    free: Vec<usize>,
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
            waiting: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            capacity,
            arrivals: 0,
            newest_out: None,
            late: 0,
            early: 0,
        }
    }

    /// Takes a record in; hands the oldest one out when there would be more than the capacity.
    ///
    /// What comes back must be used like what [`release`](Self::release) gives: it is nowhere else.
    #[must_use = "the record handed out early is nowhere else"]
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
        let slot = self.store(observation);
        self.waiting.push(Reverse((key, slot)));
        if self.waiting.len() <= self.capacity {
            return None;
        }
        self.early += 1;
        self.pop(MonoNs(u64::MAX))
    }

    /// Whether [`release`](Self::release) would hand anything out.
    #[must_use]
    pub fn due(&self, watermark: MonoNs) -> bool {
        let oldest = self.waiting.peek();
        oldest.is_some_and(|&Reverse(((at, ..), _))| at <= watermark)
    }

    /// Hands out, in order, every record not younger than `watermark`.
    ///
    /// Records the caller leaves in the iterator stay here.
    pub fn release(&mut self, watermark: MonoNs) -> impl Iterator<Item = Observation> {
        std::iter::from_fn(move || self.pop(watermark))
    }

    /// Hands out, in order, everything that is left.
    pub fn finish(&mut self) -> impl Iterator<Item = Observation> {
        self.release(MonoNs(u64::MAX))
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
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing is waiting.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn store(&mut self, observation: Observation) -> usize {
        let free = self.free.pop();
        if let Some((index, slot)) =
            free.and_then(|index| Some((index, self.slots.get_mut(index)?)))
        {
            *slot = Some(observation);
            return index;
        }
        self.slots.push(Some(observation));
        self.slots.len() - 1
    }

    fn pop(&mut self, watermark: MonoNs) -> Option<Observation> {
        let &Reverse(((at, ..), _)) = self.waiting.peek()?;
        if at > watermark {
            return None;
        }
        let Reverse((key, index)) = self.waiting.pop()?;
        self.newest_out = self.newest_out.max(Some(key));
        self.free.push(index);
        self.slots.get_mut(index)?.take()
    }
}
