//! Asks what a namespace makes of the tuples that are seen in it, each once in a while.

use std::collections::HashMap;

use crate::{
    enrich::conntrack::{Conntrack, Translation},
    model::{stray::Tuple, time::MonoNs},
    packet::live::Namespace,
};

/// How long an answer holds, in nanoseconds: a tuple may soon be another connection's.
const HOLDS_NS: u64 = 1_000_000_000;

/// Tuples remembered as asked for at most.
const LIMIT: usize = 16_384;

/// The connection tracking of a captured namespace, asked no more than needed.
pub(super) struct Translator {
    /// `None` where there is none to ask.
    conntrack: Option<Conntrack>,
    /// When a tuple was last asked for; either direction is the same question.
    asked: HashMap<Tuple, MonoNs>,
}

impl Translator {
    pub(super) fn of(namespace: &Namespace) -> Self {
        let conntrack = match namespace {
            Namespace::Own => Conntrack::open(None),
            Namespace::File(path) => Conntrack::open(Some(path)),
        };
        Self {
            conntrack,
            asked: HashMap::new(),
        }
    }

    /// What becomes of a tuple seen now; `None` when nothing does, when it is not known, and when it
    /// was said a moment ago.
    pub(super) fn asked(&mut self, seen: Tuple, now: MonoNs) -> Option<Translation> {
        let conntrack = self.conntrack.as_mut()?;
        let question = seen.min((seen.1, seen.0));
        let holds = |asked: &MonoNs| now.since(*asked) < HOLDS_NS;
        if self.asked.get(&question).is_some_and(holds) {
            return None;
        }
        if self.asked.len() >= LIMIT {
            self.asked.retain(|_, asked| holds(asked));
        }
        if self.asked.len() >= LIMIT {
            self.asked.clear();
        }
        self.asked.insert(question, now);
        conntrack.translation(seen)
    }
}
