//! Listeners: who a connection belongs to that nobody accepted yet.

use std::{collections::HashMap, net::SocketAddr};

use hashlink::LinkedHashMap;

use crate::model::{
    ending::{Look, Owner},
    flow::Flow,
    process::Task,
    socket::SocketId,
};

/// Listeners remembered at most, and connections queued on one of several.
const LIMIT: usize = 16_384;

/// The listeners seen, and which of several on a port each waiting connection is for.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by_address: LinkedHashMap<u64, Listener>,
    by_port: HashMap<Port, Vec<u64>>,
    queued: LinkedHashMap<u64, Queued>,
}

/// A port of a network namespace.
type Port = (Option<u32>, u16);

/// One listener.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listener {
    id: SocketId,
    flow: Flow,
    inode: Option<u32>,
    /// Who called listen(2); `None` where that was not seen.
    opener: Option<Task>,
}

/// A connection on the queue of one of several listeners.
#[derive(Clone, Copy, Debug)]
struct Queued {
    child: SocketId,
    listener: SocketId,
}

impl Listener {
    /// Who holds it, as far as the one who opened it still does.
    pub(super) fn owner(&self) -> Option<Owner> {
        use crate::model::{holder::Provenance, process::Confidence};
        self.opener.map(|task| Owner {
            task,
            confidence: Confidence::Likely,
            from: Provenance::Listener,
        })
    }

    /// Where to look for who else holds it.
    pub(super) fn look(&self) -> Option<Look> {
        self.inode.map(|inode| Look {
            inode,
            listener: true,
        })
    }
}

impl Listeners {
    /// A socket began to listen.
    pub(super) fn opened(
        &mut self,
        id: SocketId,
        flow: Flow,
        inode: Option<u32>,
        opener: Option<Task>,
    ) {
        self.closed(id.address);
        if self.by_address.len() >= LIMIT
            && let Some((&oldest, _)) = self.by_address.front()
        {
            self.closed(oldest);
        }
        let listener = Listener {
            id,
            flow,
            inode,
            opener,
        };
        let port = port_of(&flow);
        self.by_address.insert(id.address, listener);
        self.by_port.entry(port).or_default().push(id.address);
    }

    /// The kernel gave a socket up, or its address is another's now.
    pub(super) fn closed(&mut self, address: u64) {
        self.queued.remove(&address);
        let Some(listener) = self.by_address.remove(&address) else {
            return;
        };
        let port = port_of(&listener.flow);
        if let Some(addresses) = self.by_port.get_mut(&port) {
            addresses.retain(|&it| it != address);
            if addresses.is_empty() {
                self.by_port.remove(&port);
            }
        }
    }

    /// A connection was queued on one of several listeners.
    pub(super) fn queued(&mut self, child: SocketId, listener: SocketId) {
        self.queued
            .insert(child.address, Queued { child, listener });
        if self.queued.len() > LIMIT {
            self.queued.pop_front();
        }
    }

    /// A connection left its queue.
    pub(super) fn accepted(&mut self, child: SocketId) {
        self.queued.remove(&child.address);
    }

    /// The listener a waiting connection is for: the one the kernel chose, else the only one it can
    /// be for.
    pub(super) fn of(&self, child: SocketId, flow: &Flow) -> Option<Listener> {
        if let Some(queued) = self.queued.get(&child.address)
            && queued.child.may_be(child)
        {
            let listener = self.by_address.get(&queued.listener.address)?;
            return listener.id.may_be(queued.listener).then_some(*listener);
        }
        let addresses = self.by_port.get(&port_of(flow))?;
        let mut fitting = addresses
            .iter()
            .filter_map(|address| self.by_address.get(address))
            .filter(|listener| serves(listener.flow.local, flow.local));
        let first = fitting.next()?;
        fitting.next().is_none().then_some(*first)
    }
}

const fn port_of(flow: &Flow) -> Port {
    (flow.netns, flow.local.port())
}

/// Whether a listener bound to `bound` takes connections to `local`.
fn serves(bound: SocketAddr, local: SocketAddr) -> bool {
    bound.ip().is_unspecified() || bound.ip() == local.ip()
}
