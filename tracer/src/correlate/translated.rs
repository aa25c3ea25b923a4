//! Which tuples are of one connection where addresses are translated (NAT).
//!
//! Only what the kernel's connection tracking says: no likeness of tuples is taken for it.

use hashlink::LinkedHashMap;

use crate::model::stray::Tuple;

/// Tuples remembered at most, up to eight for each translation; the oldest give way.
const LIMIT: usize = 262_144;

/// Tuples that one segment may go by at most, its own included.
const NAMES: usize = 16;

/// The translations of all namespaces.
#[derive(Debug, Default)]
pub(super) struct Translated {
    /// By namespace and tuple: the tuple on the other side.
    other_side: LinkedHashMap<(u32, Tuple), Tuple>,
    /// Namespaces that translate.
    namespaces: Vec<u32>,
}

impl Translated {
    /// A namespace makes the tuple `before` the tuple `after`, and the answers' likewise.
    pub(super) fn learn(&mut self, netns: u32, before: Tuple, after: Tuple) {
        if !self.namespaces.contains(&netns) {
            self.namespaces.push(netns);
        }
        for (one, other) in [(before, after), (reversed(before), reversed(after))] {
            for (from, to) in [(one, other), (other, one)] {
                // A tuple used anew is as young as what is said of it now.
                self.other_side.remove(&(netns, from));
                self.other_side.insert((netns, from), to);
            }
            // A bridge shows what is translated half: the destination is before the routing, the
            // source after it.
            for half in halves(one, other)
                .into_iter()
                .filter(|it| *it != one && *it != other)
            {
                self.other_side.remove(&(netns, half));
                self.other_side.insert((netns, half), one);
            }
        }
        while self.other_side.len() > LIMIT {
            self.other_side.pop_front();
        }
    }

    /// What a tuple is on the other side of a namespace's translation.
    pub(super) fn within(&self, netns: Option<u32>, tuple: Tuple) -> Option<Tuple> {
        self.other_side.get(&(netns?, tuple)).copied()
    }

    /// Every tuple that a segment of this one may have somewhere, itself first.
    pub(super) fn names(&self, tuple: Tuple) -> Vec<Tuple> {
        let mut names = vec![tuple];
        let mut next = 0;
        while let Some(&known) = names.get(next) {
            for &netns in &self.namespaces {
                let Some(other) = self.within(Some(netns), known) else {
                    continue;
                };
                for name in [other].into_iter().chain(halves(known, other)) {
                    if names.len() < NAMES && !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
            next += 1;
        }
        names
    }
}

/// The source of the one with the destination of the other.
const fn halves(one: Tuple, other: Tuple) -> [Tuple; 2] {
    [(one.0, other.1), (other.0, one.1)]
}

/// The tuple of the answers.
pub(super) const fn reversed((source, destination): Tuple) -> Tuple {
    (destination, source)
}
