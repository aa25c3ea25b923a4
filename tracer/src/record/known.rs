//! What the world has said so far, bounded: the same memory in whoever records and whoever replays.

use hashlink::LinkedHashMap;

use super::Answer;
use crate::model::{foreign::Foreign, identity::ProcessFacts};

/// Bytes that facts may take, roughly: as many as the road itself keeps.
const MEMORY: usize = 32 << 20;
/// Bytes a process takes apart from what its facts have on the heap, roughly.
const ENTRY: usize = size_of::<ProcessFacts>() + 64;
/// Bytes a name of a network namespace takes, roughly.
const NAME: usize = 128;
/// Names of network namespaces.
const NAMES: usize = 4096;

/// The answers that hold.
///
/// Whoever records forgets the oldest beyond a bound and says so in the recording; whoever replays
/// keeps twice as much, lest a file that says nothing of the kind takes all memory.
#[derive(Clone, Debug, Default)]
pub struct Known {
    processes: LinkedHashMap<(u32, u64), ProcessFacts>,
    /// Sum of what the processes take.
    bytes: usize,
    netns: LinkedHashMap<u32, Foreign>,
}

impl Known {
    /// Takes in an answer; looks and stacks are told once and are nothing to know.
    pub fn learn(&mut self, answer: Answer) {
        match answer {
            Answer::Process {
                pid,
                start_ns,
                facts,
            } => {
                let key = (pid, start_ns);
                self.bytes -= self.processes.remove(&key).as_ref().map_or(0, weight);
                if let Some(facts) = facts {
                    self.bytes += weight(&facts);
                    self.processes.insert(key, facts);
                }
            }
            Answer::Netns { inode, name } => match name {
                Some(name) => drop(self.netns.insert(inode, name)),
                None => drop(self.netns.remove(&inode)),
            },
            Answer::Look { .. } | Answer::Stack { .. } => {}
        }
        while let Some(forget) = self.surplus_beyond(2) {
            self.learn(forget);
        }
    }

    /// What is known of a process.
    #[must_use]
    pub fn process(&self, pid: u32, start_ns: u64) -> Option<&ProcessFacts> {
        self.processes.get(&(pid, start_ns))
    }

    /// The name of a network namespace.
    #[must_use]
    pub fn netns(&self, inode: u32) -> Option<&Foreign> {
        self.netns.get(&inode)
    }

    /// Every answer that holds.
    pub fn answers(&self) -> impl Iterator<Item = Answer> {
        let process = |(&(pid, start_ns), facts): (&(u32, u64), &ProcessFacts)| Answer::Process {
            pid,
            start_ns,
            facts: Some(facts.clone()),
        };
        let netns = |(&inode, name): (&u32, &Foreign)| Answer::Netns {
            inode,
            name: Some(name.clone()),
        };
        let names = self.netns.iter().map(netns);
        self.processes.iter().map(process).chain(names)
    }

    /// Bytes that it takes, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes + self.netns.len() * NAME
    }

    /// The answer that forgets the oldest, while there is more than the bound allows.
    #[must_use]
    pub fn surplus(&self) -> Option<Answer> {
        self.surplus_beyond(1)
    }

    fn surplus_beyond(&self, times: usize) -> Option<Answer> {
        if self.bytes > times * MEMORY {
            let (&(pid, start_ns), _) = self.processes.front()?;
            return Some(Answer::Process {
                pid,
                start_ns,
                facts: None,
            });
        }
        if self.netns.len() > times * NAMES {
            let (&inode, _) = self.netns.front()?;
            return Some(Answer::Netns { inode, name: None });
        }
        None
    }
}

fn weight(facts: &ProcessFacts) -> usize {
    ENTRY + facts.heap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, bytes: usize) -> Answer {
        let exe = Some(Foreign::from(&*vec![b'x'; bytes]));
        let facts = Some(ProcessFacts {
            exe,
            ..ProcessFacts::default()
        });
        Answer::Process {
            pid,
            start_ns: 1,
            facts,
        }
    }

    #[test]
    fn the_oldest_is_surplus_and_is_forgotten_by_its_answer() {
        let mut known = Known::default();
        for pid in 1..=40 {
            assert_eq!(known.surplus(), None, "{pid}");
            known.learn(process(pid, 1 << 20));
            while let Some(forget) = known.surplus() {
                known.learn(forget);
            }
        }
        assert!(known.process(1, 1).is_none() && known.process(40, 1).is_some());
        assert!(known.bytes <= MEMORY);
    }

    #[test]
    fn a_recording_that_never_forgets_finds_an_end() {
        let mut known = Known::default();
        for pid in 0..100 {
            known.learn(process(pid, 1 << 20));
        }
        assert!(known.bytes <= 2 * MEMORY && known.process(99, 1).is_some());
        let name = |inode| Answer::Netns {
            inode,
            name: Some(Foreign::from(&b"blue"[..])),
        };
        (0..100_000).for_each(|inode| known.learn(name(inode)));
        assert!(known.netns.len() <= 2 * NAMES);
        known.learn(Answer::Netns {
            inode: 99_999,
            name: None,
        });
        assert_eq!(known.netns(99_999), None);
    }
}
