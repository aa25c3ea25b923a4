//! Endings that are known whole before their segments are.
//!
//! The kernel gives the address of a socket to the next one within microseconds, and its ending is
//! complete with that; the capture may lag behind.

use std::collections::{HashMap, VecDeque};

use hashlink::DefaultHashBuilder;

use super::Correlator;
use crate::model::{ending::Ending, flow::Flow, time::MonoNs};

/// Endings that wait for their segments, and up to when everything is known.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    endings: VecDeque<Ending>,
    /// When their sockets were seen first, by their flow; empty where no segments are seen.
    begun: HashMap<Flow, Vec<MonoNs>, DefaultHashBuilder>,
    watermark: MonoNs,
}

impl Waiting {
    /// When the next connection with a flow was seen first that waits here; `None` where none does.
    pub(super) fn next(&self, flow: &Flow, after: MonoNs) -> Option<MonoNs> {
        let begun = self.begun.get(flow)?.iter().copied();
        begun.filter(|&it| it > after).min()
    }

    fn push(&mut self, ending: Ending, segments: bool) {
        if segments {
            let begun = self.begun.entry(ending.flow).or_default();
            begun.push(ending.first_seen);
        }
        self.endings.push_back(ending);
    }

    /// Takes the oldest.
    fn pop(&mut self) -> Option<Ending> {
        let ending = self.endings.pop_front()?;
        if !self.begun.is_empty()
            && let Some(begun) = self.begun.get_mut(&ending.flow)
        {
            let own = begun.iter().position(|&it| it == ending.first_seen);
            own.map(|own| begun.swap_remove(own));
            if begun.is_empty() {
                self.begun.remove(&ending.flow);
            }
        }
        Some(ending)
    }

    /// Every one, the latest first: what is still to be said of one is said soon.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Ending> {
        self.endings.iter_mut().rev()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.endings.is_empty()
    }
}

impl Correlator {
    /// Tells an ending once all of its segments would have been seen; without a capture too, so that one
    /// added later tells the same endings at the same time.
    pub(super) fn wait_for_segments(&mut self, ending: Ending) {
        if self.has_segments(&ending) {
            self.complete(ending);
            return;
        }
        self.waiting.push(ending, self.limits.answer_ns > 0);
        if self.waiting.endings.len() > self.limits.sockets
            && let Some(oldest) = self.waiting.pop()
        {
            self.complete(oldest);
        }
    }

    /// Tells those whose segments must have been seen by now.
    pub(super) fn release_waiting(&mut self, watermark: MonoNs) {
        self.waiting.watermark = watermark;
        while let Some(oldest) = self.waiting.endings.front()
            && self.has_segments(oldest)
            && let Some(ending) = self.waiting.pop()
        {
            self.complete(ending);
        }
    }

    /// Gives an ending what is known now and not later.
    pub(super) fn link(&mut self, ending: &mut Ending) {
        ending.until = ending.until.max(self.now);
        self.succeed(ending);
        self.remember_owner(ending);
        if let Some(owner) = &mut ending.owner {
            owner.task.exit = self.departed.exit_of(&owner.task);
        }
    }

    /// Tells an ending, with what its segments say.
    pub(super) fn complete(&mut self, mut ending: Ending) {
        self.join(&mut ending);
        ending.not_by_tcp = self.not_by_tcp(&ending);
        self.ready.push(ending);
    }

    fn has_segments(&self, ending: &Ending) -> bool {
        ending.last_seen().after(self.limits.grace_ns) <= self.waiting.watermark
    }
}
