//! Joins observations into endings: the whole story of each connection's end, told once.
//!
//! No clock, no I/O: time is what the observations and the watermark say. An observation costs the
//! same however many sockets are known.

use std::collections::{HashMap, HashSet, VecDeque};

mod acts;
mod answers;
mod asked;
mod asleep;
mod captured;
mod conclude;
mod departed;
mod early;
mod errno;
mod facts;
mod holding;
mod join;
mod listeners;
mod observe;
mod owner;
mod peers;
mod places;
mod resets;
mod seeds;
mod sleepers;
mod sockets;
mod stacks;
mod strays;
mod tracked;
mod translated;
mod waiting;
mod wire;

pub use self::owner::looked;
use self::{
    departed::{Departed, Departure},
    early::Early,
    listeners::Listeners,
    resets::Resets,
    seeds::Seeds,
    sockets::Sockets,
    tracked::Tracked,
    waiting::Waiting,
    wire::Wire,
};
use crate::model::{ending::Ending, flow::Flow, reason::ReasonNames, stray::Stray, time::MonoNs};

/// How much is remembered, and for how long an ending stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sockets remembered at once; the one untouched for longest gives way and is counted.
    pub sockets: usize,
    /// Acts kept per ending, an end without a segment not counted; further ones are counted.
    pub acts: usize,
    /// State transitions kept per ending; further ones are counted.
    pub transitions: usize,
    /// Quiet time, in nanoseconds, after which a socket its application has closed is told of.
    pub settle_ns: u64,
    /// Time, in nanoseconds, an ending stays open after the socket was given up.
    ///
    /// `tcp_reset` also runs for data that comes after a close; the RST that answers it, and with
    /// it the proof that none arrived, leaves when the socket is gone already
    /// (`tcp_rcv_state_process`, `net/ipv4/tcp_input.c`).
    pub grace_ns: u64,
    /// Time, in nanoseconds, an answer for nobody waits for its segment; zero without a capture.
    pub answer_ns: u64,
    /// Whether hooks see every RST that TCP sends in the network namespaces traced, and captures every
    /// device there.
    pub every_reset: bool,
    /// Time, in nanoseconds, a segment may take between this machine and where it was captured;
    /// zero for captures of its own.
    pub reach_ns: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sockets: 65_536,
            acts: 16,
            transitions: 32,
            settle_ns: 1_000_000_000,
            grace_ns: 50_000_000,
            answer_ns: 0,
            every_reset: false,
            reach_ns: 0,
        }
    }
}

/// What the correlator had to give up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Sockets forgotten because there were more than [`Limits::sockets`].
    pub evicted: u64,
    /// Acts and transitions left out of an ending that had more than its limits allow.
    pub truncated: u64,
}

/// The table of sockets and what is known of how each one ends.
///
/// Endings concluded while observing wait for the next [`settle`](Self::settle).
#[derive(Debug)]
pub struct Correlator {
    limits: Limits,
    names: ReasonNames,
    sockets: Sockets,
    early: Early,
    listeners: Listeners,
    departed: Departed,
    seeds: Seeds,
    resets: Resets,
    wire: Wire,
    /// Segments nothing tells of, until they are asked for.
    strays: Vec<Stray>,
    /// When losses were noticed.
    losses: VecDeque<MonoNs>,
    /// Connections that were there at the attach and need no process to be.
    older: HashSet<Flow>,
    /// Answers for nobody that wait for their segment.
    answers: VecDeque<Ending>,
    /// When the first of them was, by its flow, and whether its RST has an acknowledgement.
    answering: HashMap<Flow, (MonoNs, bool)>,
    waiting: Waiting,
    ready: Vec<Ending>,
    /// When the latest event was.
    now: MonoNs,
    counters: Counters,
}

impl Correlator {
    /// An empty table; `names` are the running kernel's reset reasons.
    #[must_use]
    pub fn new(limits: Limits, names: ReasonNames) -> Self {
        Self {
            limits,
            names,
            sockets: Sockets::new(limits.sockets),
            early: Early::new(limits.sockets),
            listeners: Listeners::default(),
            departed: Departed::new(limits.sockets),
            seeds: Seeds::default(),
            resets: Resets::default(),
            wire: Wire::default(),
            strays: Vec::new(),
            losses: VecDeque::new(),
            older: HashSet::new(),
            answers: VecDeque::new(),
            answering: HashMap::new(),
            waiting: Waiting::default(),
            ready: Vec::new(),
            now: MonoNs(0),
            counters: Counters::default(),
        }
    }

    /// Whether [`settle`](Self::settle) might change or tell anything.
    #[must_use]
    pub fn due(&self, watermark: MonoNs) -> bool {
        !self.ready.is_empty()
            || !self.answers.is_empty()
            || !self.waiting.is_empty()
            || self.sockets.is_due(watermark)
            || self.wire.is_due(watermark)
    }

    /// The endings nothing can change any more, given that all before `watermark` was observed.
    ///
    /// Allocates nothing when there is none.
    pub fn settle(&mut self, watermark: MonoNs) -> Vec<Ending> {
        self.conclude_due(watermark);
        self.sweep(watermark, false);
        std::mem::take(&mut self.ready)
    }

    /// Every ending that has begun, finished or not, in the order the sockets were last touched.
    pub fn finish(&mut self) -> Vec<Ending> {
        self.release_answers(MonoNs(u64::MAX));
        self.release_waiting(MonoNs(u64::MAX));
        while let Some(tracked) = self.sockets.pop_oldest() {
            self.retire(tracked);
        }
        self.sweep(MonoNs(u64::MAX), true);
        std::mem::take(&mut self.ready)
    }

    /// What had to be given up so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Sockets remembered now.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.sockets.len()
    }

    fn conclude_due(&mut self, now: MonoNs) {
        self.release_answers(now);
        self.release_waiting(now);
        while let Some(address) = self.sockets.pop_due(now) {
            self.tell(address, now);
        }
    }

    /// Tells what is known of a socket, and forgets it when the kernel has.
    fn tell(&mut self, address: u64, now: MonoNs) {
        let limits = self.limits;
        let Some(tracked) = self.sockets.at(address) else {
            return;
        };
        if tracked.is_destroyed() {
            if let Some(tracked) = self.sockets.remove(address) {
                self.retire(tracked);
            }
            return;
        }
        let life = tracked.life();
        let peer = self.introduce(life);
        let mut endings = Vec::new();
        if let Some(tracked) = self.sockets.at(address) {
            tracked.peer = peer.or(tracked.peer);
            let until = now.before(limits.grace_ns);
            endings = tracked.conclude_held_open(until, limits.grace_ns);
            if let Some(at) = tracked.ended_at(&limits).filter(|&at| at <= now) {
                // Nothing more happened to it in the time that was waited.
                let watched = |ending: Ending| Ending {
                    until: ending.until.max(at),
                    ..ending
                };
                endings.extend(tracked.conclude().map(watched));
            }
        }
        for ending in endings {
            self.push(ending);
        }
        let due = self.sockets.at(address).and_then(|it| it.ready_at(&limits));
        self.sockets.schedule(address, due);
    }

    /// Puts an ending among those to be told.
    fn push(&mut self, mut ending: Ending) {
        self.link(&mut ending);
        self.wait_for_segments(ending);
    }

    /// The connection that had a tuple before: over, and its socket gone or about to be.
    fn former(&mut self, flow: &Flow, now: MonoNs) -> Option<Departure> {
        let address = self.sockets.of_flow(flow);
        let there = address.and_then(|address| self.sockets.at(address));
        there
            .filter(|tracked| tracked.is_destroyed())
            .map(|tracked| Departure {
                id: tracked.life().id,
                owner: tracked.owner,
                ended: tracked.ended(),
                at: tracked.last_touched,
                destroyed: tracked.destroyed.map(|moment| moment.at),
            })
            .or_else(|| self.departed.of(flow, now))
    }

    /// Tells what there is to tell of a socket that was taken out of the table.
    fn retire(&mut self, mut tracked: Tracked) {
        if tracked.found_by_flow {
            tracked.peer = self.introduce(tracked.life()).or(tracked.peer);
        }
        let held_open = tracked.conclude_held_open(MonoNs(u64::MAX), self.limits.grace_ns);
        for ending in held_open {
            self.push(ending);
        }
        if let Some(ending) = tracked.conclude() {
            self.push(ending);
        }
        self.seeds.forget(tracked.condition.inode);
        if let (Some(id), true) = (tracked.after, tracked.found_by_flow) {
            self.departed.remember(Departure {
                id,
                owner: tracked.owner,
                ended: tracked.ended(),
                at: tracked.last_touched,
                destroyed: tracked.destroyed.map(|moment| moment.at),
            });
        }
        self.counters.truncated = self.counters.truncated.saturating_add(tracked.truncated);
    }
}

#[cfg(test)]
mod tests;
