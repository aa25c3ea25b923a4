//! Which two sockets are the ends of one connection on this host.
//!
//! By the tuple only within one network namespace: elsewhere the same one may belong to another
//! connection. Across namespaces and translations a segment proves it that was seen on both ways.

use std::{collections::HashMap, hash::BuildHasher as _};

use hashlink::DefaultHashBuilder;

use super::Correlator;
use crate::model::{ending::EndId, flow::Flow, time::MonoNs};

/// Connected sockets by their flow.
///
/// Kept by the flow's hash, which is a ninth of the flow: it is seeded at random, and among a million
/// sockets two have the same in three of a hundred million runs.
#[derive(Debug, Default)]
pub(super) struct Peers {
    addresses: HashMap<u64, u64, DefaultHashBuilder>,
    hashes: DefaultHashBuilder,
}

impl Peers {
    /// The socket at `address` has this flow; an older one by the same flow is gone.
    ///
    /// Returns whether it is connected, so that it can be found.
    pub(super) fn connected(&mut self, flow: Flow, address: u64) -> bool {
        let connected = is_connected(flow);
        if connected {
            self.addresses.insert(self.hash(&flow), address);
        }
        connected
    }

    /// The socket at `address` is no longer to be found by `flow`.
    pub(super) fn gone(&mut self, flow: Flow, address: u64) {
        let hash = self.hash(&flow);
        if self.addresses.get(&hash) == Some(&address) {
            self.addresses.remove(&hash);
        }
    }

    /// Where the socket with this flow is.
    pub(super) fn at(&self, flow: &Flow) -> Option<u64> {
        self.addresses.get(&self.hash(flow)).copied()
    }

    /// Whether one of the ends of a flow is a socket here.
    pub(super) fn knows(&self, flow: &Flow) -> bool {
        self.at(flow).is_some() || self.at(&flow.reversed()).is_some()
    }

    /// Where the socket at the other end of `flow` is.
    pub(super) fn of(&self, flow: Flow) -> Option<u64> {
        if !is_connected(flow) {
            return None;
        }
        self.at(&flow.reversed())
    }

    fn hash(&self, flow: &Flow) -> u64 {
        self.hashes.hash_one(flow)
    }
}

/// Whether both ends are set and the namespace is known.
fn is_connected(flow: Flow) -> bool {
    flow.local.port() != 0 && flow.remote.port() != 0 && flow.netns.is_some()
}

/// One end of a connection and when it was there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    /// What its endings go by.
    pub(super) id: EndId,
    /// When the kernel gave it up; `None` while it had not.
    pub(super) ended: Option<MonoNs>,
}

impl Life {
    /// Whether both were there at one time; a tuple may be used again soon after.
    fn overlaps(self, other: Self) -> bool {
        let began_before =
            |one: Self, two: Self| two.ended.is_none_or(|end| one.id.first_seen <= end);
        began_before(self, other) && began_before(other, self)
    }
}

impl Correlator {
    /// The handshake of a socket is over: from now on its flow is its own.
    pub(super) fn find_by_flow(&mut self, address: u64) {
        if let Some(tracked) = self.sockets.at(address)
            && !tracked.found_by_flow
        {
            tracked.found_by_flow = self.peers.connected(tracked.flow, address);
        }
        if let Some(tracked) = self.sockets.at(address) {
            self.wire.opened(&tracked.flow);
        }
    }

    /// Finds the other end of a connection that is about to be told of, and tells it of this one.
    pub(super) fn introduce(&mut self, one: Life) -> Option<EndId> {
        let address = self.peers.of(one.id.flow)?;
        self.introduce_at(one, address)
    }

    /// The other end of a connection, which does not hear of this one.
    pub(super) fn other_end(&mut self, one: Life) -> Option<EndId> {
        let address = self.peers.of(one.id.flow)?;
        let other = self.sockets.at(address)?;
        let life = other.life();
        let met = one.overlaps(life);
        other.nameless |= met && other.id.cookie.is_none();
        met.then_some(life.id)
    }

    /// Likewise for the end that has this flow, alive or over.
    pub(super) fn introduce_to(&mut self, one: Life, flow: &Flow) -> Option<EndId> {
        if let Some(address) = self.peers.at(flow)
            && let Some(id) = self.introduce_at(one, address)
        {
            return Some(id);
        }
        let former = self
            .departed
            .of(flow, one.ended.unwrap_or(one.id.first_seen))?;
        let life = Life {
            id: former.id,
            ended: former.destroyed.or(Some(former.at)),
        };
        one.overlaps(life).then_some(life.id)
    }

    fn introduce_at(&mut self, one: Life, address: u64) -> Option<EndId> {
        let other = self.sockets.at(address)?;
        let life = other.life();
        if !one.overlaps(life) {
            return None;
        }
        other.peer.get_or_insert(one.id);
        other.nameless |= other.id.cookie.is_none();
        Some(life.id)
    }
}
