//! What happened to the sockets that are alive where the window begins.

use std::{collections::HashMap, net::SocketAddr};

use hashlink::LinkedHashMap;

use super::kept::Kept;
use crate::{
    model::{
        observation::{Observation, What},
        socket::SocketId,
        state::TcpState,
        stray::Tuple,
        time::MonoNs,
    },
    tally::PerKind,
};

/// Records kept of one socket: its birth is among the first, what it is about now among the last.
const RECORDS: usize = 64;
/// Of these, the first, which are kept whatever comes.
const FIRST: usize = 16;
/// Segments kept of one connection.
const SEGMENTS: usize = 64;
/// Bytes a socket takes beside what is kept of it.
const LIFE: usize = size_of::<Life>() + 128;
/// Sockets remembered that are no more: more than end between two looks into the buffers.
const GONE: usize = 8_192;

/// The sockets that are alive, the one untouched for longest first.
#[derive(Clone, Default)]
pub(super) struct Lives {
    /// By the kernel's address.
    sockets: LinkedHashMap<u64, Life>,
    /// The segments of their connections.
    segments: HashMap<Ends, Segments>,
    /// Sockets that are no more since a short while, by address.
    gone: LinkedHashMap<u64, (SocketId, MonoNs)>,
    bytes: usize,
    next: u64,
}

#[derive(Clone)]
struct Life {
    id: SocketId,
    ends: Option<Ends>,
    latest: MonoNs,
    kept: Vec<Kept>,
}

impl Life {
    const fn new(id: SocketId) -> Self {
        Self {
            id,
            ends: None,
            latest: MonoNs(0),
            kept: Vec::new(),
        }
    }

    /// Whether what was seen tells of another socket at the same address.
    fn is_over(&self, id: SocketId, seen: &Observation) -> bool {
        let born = matches!(
            seen.what,
            What::StateChanged {
                from: TcpState::Close,
                ..
            }
        );
        !self.id.may_be(id) || born && seen.at > self.latest
    }
}

#[derive(Clone, Default)]
struct Segments {
    /// Sockets with these ends that are alive.
    sockets: u32,
    kept: Vec<Kept>,
}

/// Both ends of a connection, whichever is ours.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Ends(SocketAddr, SocketAddr);

impl Ends {
    fn of((one, other): Tuple) -> Self {
        Self(one.min(other), one.max(other))
    }
}

impl Lives {
    /// Everything kept, in no order.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Kept> {
        let sockets = self.sockets.values().flat_map(|life| &life.kept);
        sockets.chain(self.segments.values().flat_map(|it| &it.kept))
    }

    /// Bytes it takes, roughly.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives an entry its place.
    pub(super) const fn numbered(&mut self, mut kept: Kept) -> Kept {
        self.next += 1;
        kept.order = self.next;
        kept
    }

    /// Takes what happened to a socket.
    pub(super) fn happened(&mut self, seen: &Observation, kept: Kept, dropped: &mut PerKind) {
        let Some((id, ends)) = about(&seen.what) else {
            return kept.count(dropped);
        };
        let known = self.sockets.get(&id.address);
        if known.is_some_and(|life| life.is_over(id, seen)) {
            self.remove(id.address, dropped);
        }
        if !self.sockets.contains_key(&id.address) {
            if !begins(&seen.what) || self.is_gone(id, seen.at) {
                return kept.count(dropped);
            }
            self.bytes += LIFE;
            self.sockets.insert(id.address, Life::new(id));
        }
        let kept = self.numbered(kept);
        self.add(id, ends, seen.at, kept, dropped);
    }

    /// Takes a segment that passed; gives back what is not kept.
    pub(super) fn passed(&mut self, ends: Tuple, kept: Kept) -> Option<Kept> {
        let kept = self.numbered(kept);
        let Some(segments) = self.segments.get_mut(&Ends::of(ends)) else {
            return Some(kept);
        };
        if segments.kept.len() >= SEGMENTS {
            return Some(kept);
        }
        self.bytes += kept.bytes();
        segments.kept.push(kept);
        None
    }

    /// A socket is no more.
    pub(super) fn over(&mut self, id: SocketId, at: MonoNs, dropped: &mut PerKind) {
        self.gone.insert(id.address, (id, at));
        if self.gone.len() > GONE {
            self.gone.pop_front();
        }
        let known = self.sockets.get(&id.address);
        if known.is_some_and(|life| life.id.may_be(id)) {
            self.remove(id.address, dropped);
        }
    }

    /// Gives up the socket that was untouched for longest; false where there is none.
    pub(super) fn forget_oldest(&mut self, dropped: &mut PerKind) -> bool {
        let oldest = self.sockets.front().map(|(&address, _)| address);
        let forgotten = oldest.map(|address| self.remove(address, dropped));
        forgotten.is_some()
    }

    /// Whether a socket was no more by then: records of different CPUs come in no order.
    fn is_gone(&self, id: SocketId, at: MonoNs) -> bool {
        let gone = self.gone.get(&id.address);
        gone.is_some_and(|&(gone, when)| at <= when && gone.may_be(id))
    }

    /// Adds to a socket that is known.
    fn add(
        &mut self,
        id: SocketId,
        ends: Option<Ends>,
        at: MonoNs,
        kept: Kept,
        dropped: &mut PerKind,
    ) {
        let Some(life) = self.sockets.to_back(&id.address) else {
            return;
        };
        life.id.cookie = life.id.cookie.or(id.cookie);
        life.latest = life.latest.max(at);
        self.bytes += kept.bytes();
        life.kept.push(kept);
        if life.kept.len() > RECORDS {
            let surplus = life.kept.remove(FIRST);
            self.bytes -= surplus.bytes();
            surplus.count(dropped);
        }
        if ends.is_some() && life.ends != ends {
            let before = std::mem::replace(&mut life.ends, ends);
            self.apart(before, dropped);
            if let Some(ends) = ends {
                self.segments.entry(ends).or_default().sockets += 1;
            }
        }
    }

    fn remove(&mut self, address: u64, dropped: &mut PerKind) {
        let Some(life) = self.sockets.remove(&address) else {
            return;
        };
        self.bytes -= LIFE;
        for kept in &life.kept {
            self.bytes -= kept.bytes();
            kept.count(dropped);
        }
        self.apart(life.ends, dropped);
    }

    /// One socket less has these ends; segments of nobody are given up.
    fn apart(&mut self, ends: Option<Ends>, dropped: &mut PerKind) {
        let Some(ends) = ends else { return };
        let Some(segments) = self.segments.get_mut(&ends) else {
            return;
        };
        segments.sockets = segments.sockets.saturating_sub(1);
        if segments.sockets > 0 {
            return;
        }
        for kept in self.segments.remove(&ends).unwrap_or_default().kept {
            self.bytes -= kept.bytes();
            kept.count(dropped);
        }
    }
}

/// Which socket it is about, if it is about one that lives on, and its ends.
fn about(what: &What) -> Option<(SocketId, Option<Ends>)> {
    if let What::Accepted { socket, .. } | What::Queued { socket, .. } = what {
        return Some((*socket, None));
    }
    let socket = what.socket()?;
    let tuple = (socket.flow.local, socket.flow.remote);
    // A listener has no other end, and so no segments of its own.
    let ends = (tuple.1.port() != 0).then(|| Ends::of(tuple));
    Some((socket.id, ends))
}

/// Whether a socket that was not known before is alive after it: an RST may leave, and a close be
/// told, when the socket is gone.
const fn begins(what: &What) -> bool {
    matches!(
        what,
        What::StateChanged { .. }
            | What::ShutdownCalled { .. }
            | What::FinQueued { .. }
            | What::HeldOpen { .. }
            | What::Accepted { .. }
            | What::Queued { .. }
    )
}
