//! What `/proc` tells of the processes that act, read once for each and kept when they are gone.
//!
//! A process is its pid and its start time, so that one that got a pid anew lends its facts to
//! nobody. Work and memory are bounded: what there is no time for now is read at the next sight.

use std::path::{Path, PathBuf};

use hashlink::LruCache;

use super::clock;
use crate::model::{
    identity::ProcessFacts,
    process::{Comm, Task},
    time::MonoNs,
};

mod read;

use read::Reader;
pub(super) use read::{arguments, control_group, pids};

/// Processes read at once at most.
const BURST: u64 = 64;
/// Nanoseconds between two reads in the long run. One costs some 50 µs, of a process that is gone
/// less: a storm of short-lived processes costs a tenth of a CPU, and who is not read stays
/// unknown.
const NS_PER_READ: u64 = 500_000;
/// Bytes that facts may take, roughly: tens of thousands of processes of usual size, hundreds with
/// as many arguments and as long paths as are read.
const MEMORY: usize = 32 * 1024 * 1024;
/// Bytes an entry takes apart from what its facts have on the heap, roughly.
const ENTRY: usize = size_of::<Key>() + size_of::<Entry>() + 32;

/// What a process goes by: its pid, and its start in nanoseconds since boot.
type Key = (u32, u64);

/// What is known of a process.
struct Entry {
    /// The name it had when it was read; another one means that it executed another program.
    comm: Comm,
    /// `None` when it was gone already.
    facts: Option<ProcessFacts>,
}

impl Entry {
    fn weight(&self) -> usize {
        ENTRY + self.facts.as_ref().map_or(0, ProcessFacts::heap)
    }
}

/// What the cache did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Processes read, again after they executed another program.
    pub read: u64,
    /// Processes of these that were gone.
    pub gone: u64,
    /// Sights for which there was no time.
    pub postponed: u64,
    /// Processes forgotten to make room.
    pub evicted: u64,
}

/// The processes seen.
pub struct Processes {
    reader: Reader,
    known: LruCache<Key, Entry>,
    /// Sum of the weights of all entries.
    bytes: usize,
    memory: usize,
    reads_left: u64,
    /// Up to when time for reading was given.
    given: MonoNs,
    counters: Counters,
}

impl Processes {
    /// Nobody seen yet; `proc` is where the proc file system is mounted.
    #[must_use]
    pub fn new(proc: &Path) -> Self {
        Self::bounded(proc.to_owned(), clock::ticks_per_second(), MEMORY)
    }

    fn bounded(proc: PathBuf, ticks_per_second: u64, memory: usize) -> Self {
        Self {
            reader: Reader::new(proc, ticks_per_second),
            known: LruCache::new_unbounded(),
            bytes: 0,
            memory,
            reads_left: BURST,
            given: MonoNs(0),
            counters: Counters::default(),
        }
    }

    /// Reads a process at its first sight and when it changed its name, as far as there is time.
    ///
    /// One whose start is not known cannot be told from others with its pid: it stays unknown.
    pub fn seen(&mut self, task: &Task) {
        let Some(start_ns) = task.start_ns else {
            return;
        };
        let key = (task.pid, start_ns);
        match self.known.get(&key) {
            // What was gone once stays gone.
            Some(entry) if entry.comm == task.process_comm || entry.facts.is_none() => {}
            Some(_) | None => self.read(key, task.process_comm),
        }
    }

    /// Takes in that a process executed another program.
    pub fn execed(&mut self, task: &Task) {
        let Some(start_ns) = task.start_ns else {
            return;
        };
        let key = (task.pid, start_ns);
        if self.known.get(&key).is_some_and(|it| it.facts.is_some()) {
            self.read(key, task.process_comm);
        }
    }

    /// What is known of a process; `None` for one never read, or gone before it was.
    #[must_use]
    pub fn of(&self, task: &Task) -> Option<&ProcessFacts> {
        let entry = self.known.peek(&(task.pid, task.start_ns?))?;
        entry.facts.as_ref()
    }

    /// Gives new time for reading, as much as passed until `now`.
    pub fn turn(&mut self, now: MonoNs) {
        let reads = now.since(self.given) / NS_PER_READ;
        if reads > 0 {
            self.given = now;
            self.reads_left = reads.saturating_add(self.reads_left).min(BURST);
        }
    }

    /// What was done so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn read(&mut self, key: Key, comm: Comm) {
        let before = self.known.remove(&key);
        self.bytes -= before.as_ref().map_or(0, Entry::weight);
        let before = before.and_then(|entry| entry.facts);
        let facts = if self.reads_left == 0 {
            self.counters.postponed += 1;
            match before {
                // The name it had is forgotten, so that the next sight reads.
                Some(before) => {
                    return self.keep(key, Comm::default(), Some(without_program(before)));
                }
                None => return,
            }
        } else {
            self.reads_left -= 1;
            self.counters.read += 1;
            self.reader.read(key.0, key.1)
        };
        self.counters.gone += u64::from(facts.is_none());
        self.keep(key, comm, facts.or_else(|| before.map(without_program)));
    }

    fn keep(&mut self, key: Key, comm: Comm, facts: Option<ProcessFacts>) {
        let entry = Entry { comm, facts };
        self.bytes += entry.weight();
        self.known.insert(key, entry);
        while self.bytes > self.memory
            && let Some((_, oldest)) = self.known.remove_lru()
        {
            self.bytes -= oldest.weight();
            self.counters.evicted += 1;
        }
    }
}

/// What stays true of a process that executed another program.
fn without_program(before: ProcessFacts) -> ProcessFacts {
    ProcessFacts {
        exe: None,
        cmdline: None,
        ..before
    }
}

#[cfg(test)]
mod tests;
