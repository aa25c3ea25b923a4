//! Which two sockets are the ends of one connection on this host.
//!
//! By the tuple only within one network namespace: elsewhere the same one may belong to another
//! connection. Across namespaces and translations a segment proves it that was seen on both ways.

use super::{Correlator, tracked::Tracked};
use crate::model::{ending::EndId, flow::Flow, time::MonoNs};

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
        self.sockets.find_by_flow(address);
        if let Some(tracked) = self.sockets.at(address) {
            self.wire.opened(&tracked.flow);
        }
    }

    /// Finds the other end of a connection that is about to be told of, and tells it of this one.
    pub(super) fn introduce(&mut self, one: Life) -> Option<EndId> {
        let address = self.sockets.of_flow(&one.id.flow.reversed())?;
        self.introduce_at(one, address)
    }

    /// The other end of a connection, which does not hear of this one.
    pub(super) fn other_end(&mut self, one: Life) -> Option<EndId> {
        let address = self.sockets.of_flow(&one.id.flow.reversed())?;
        let other = self.sockets.at(address)?;
        let life = other.life();
        let met = one.overlaps(life);
        if met {
            name(other);
        }
        met.then_some(life.id)
    }

    /// Likewise for the end that has this flow, alive or over.
    pub(super) fn introduce_to(&mut self, one: Life, flow: &Flow) -> Option<EndId> {
        if let Some(address) = self.sockets.of_flow(flow)
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
        name(other);
        Some(life.id)
    }
}

/// The ending of another tells of this socket, by the name it has now.
fn name(other: &mut Tracked) {
    other.introduced = true;
    other.nameless |= other.id.cookie.is_none();
}
