//! Asks what a namespace makes of the tuples that are seen in it, each once in a while.

use std::collections::HashMap;

use crate::{
    enrich::conntrack::{Conntrack, Translation},
    model::{stray::Tuple, time::MonoNs},
    packet::live::Namespace,
};

/// How long an answer holds, in nanoseconds: a tuple may soon be another connection's.
const HOLDS_NS: u64 = 1_000_000_000;

/// How long a namespace that tracks no connection is not asked, in nanoseconds. What is seen at the
/// time of the question would be tracked if anything were.
const RESTS_NS: u64 = 250_000_000;

/// Tuples remembered as asked for at most.
const LIMIT: usize = 16_384;

/// The connection tracking of a captured namespace, asked no more than needed.
pub(super) struct Translator {
    /// `None` where there is none to ask.
    conntrack: Option<Conntrack>,
    /// When a tuple was last asked for; either direction is the same question.
    asked: HashMap<Tuple, MonoNs>,
    /// When it was last asked whether it tracks anything at all, and whether it did.
    tracks: Option<(MonoNs, bool)>,
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
            tracks: None,
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
        let known = self.tracks.filter(|(at, tracks)| {
            let holds = if *tracks { HOLDS_NS } else { RESTS_NS };
            now.since(*at) < holds
        });
        let (_, tracks) = *self
            .tracks
            .insert(known.unwrap_or_else(|| (now, conntrack.tracks())));
        if !tracks {
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
