//! Listeners: who a connection belongs to that nobody accepted yet.

use std::{collections::HashMap, num::NonZeroU64};

use hashlink::LinkedHashMap;

use crate::model::{
    ending::{Look, Owner},
    flow::Flow,
    holder::{self, Holder, Provenance},
    known::KnownSocket,
    process::{Confidence, Task},
    socket::SocketId,
};

/// Listeners remembered at most, and connections queued on one of several.
const LIMIT: usize = 16_384;

/// The listeners seen, and which of several on a port each waiting connection is for.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by_address: LinkedHashMap<u64, Listener>,
    by_port: HashMap<Port, Vec<u64>>,
    /// Listeners older than the attach, by their inode: what a look found.
    older: LinkedHashMap<u32, Listener>,
    queued: LinkedHashMap<u64, Queued>,
}

/// A port of a network namespace.
type Port = (Option<u32>, u16);

/// One listener.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listener {
    /// `None` for one no hook saw.
    id: Option<SocketId>,
    cookie: Option<NonZeroU64>,
    flow: Flow,
    inode: Option<u32>,
    /// Who called listen(2), or the only one who held it at a look; `None` where neither is known.
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
        // A look right after the attach may have found it before its event was taken in.
        self.stopped(inode);
        if self.by_address.len() >= LIMIT
            && let Some((&oldest, _)) = self.by_address.front()
        {
            self.closed(oldest);
        }
        let listener = Listener {
            id: Some(id),
            cookie: id.cookie,
            flow,
            inode,
            opener,
        };
        let port = port_of(&flow);
        self.by_address.insert(id.address, listener);
        self.by_port.entry(port).or_default().push(id.address);
    }

    /// A look found a listener; what a hook saw of it stands.
    pub(super) fn found(&mut self, socket: &KnownSocket, inode: u32) {
        let seen = |listener: &Listener| listener.inode == Some(inode);
        if self.by_address.values().any(seen) || self.older.len() >= LIMIT {
            return;
        }
        let listener = Listener {
            id: None,
            cookie: socket.cookie,
            flow: socket.flow,
            inode: Some(inode),
            opener: holder::only_process(&socket.holders).map(Holder::task),
        };
        self.older.insert(inode, listener);
    }

    /// A socket listens no more.
    pub(super) fn stopped(&mut self, inode: Option<u32>) {
        if let Some(inode) = inode {
            self.older.remove(&inode);
        }
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

    /// Who holds a listener.
    pub(super) fn owner_of(&self, listener: SocketId) -> Option<Owner> {
        let seen = self.by_address.get(&listener.address);
        let seen = seen.filter(|it| it.id.is_some_and(|id| id.may_be(listener)));
        let older = || self.older.values().find(|it| it.cookie == listener.cookie);
        seen.or_else(|| older().filter(|it| it.cookie.is_some()))?
            .owner()
    }

    /// The listener a waiting connection is for: the one the kernel chose, else the only one it can
    /// be for.
    pub(super) fn of(
        &self,
        child: SocketId,
        cookie: Option<NonZeroU64>,
        flow: &Flow,
    ) -> Option<Listener> {
        if let Some(queued) = self.queued.get(&child.address)
            && queued.child.may_be(child)
        {
            let listener = self.by_address.get(&queued.listener.address)?;
            let same = listener.id.is_some_and(|id| id.may_be(queued.listener));
            return same.then_some(*listener);
        }
        let port = port_of(flow);
        let seen = self.by_port.get(&port).into_iter().flatten();
        let seen = seen.filter_map(|address| self.by_address.get(address));
        let older = self.older.values().filter(|it| port_of(&it.flow) == port);
        let on_port: Vec<_> = seen.chain(older).collect();
        let made_it = |it: &&&Listener| cookie.is_some() && it.cookie == cookie;
        if let Some(listener) = on_port.iter().find(made_it) {
            return Some(**listener);
        }
        // One bound to the address goes before those bound to any (`compute_score`,
        // `net/ipv4/inet_hashtables.c`).
        let local = flow.local.ip();
        let exact = |it: &&&Listener| it.flow.local.ip() == local;
        let any = |it: &&&Listener| it.flow.local.ip().is_unspecified();
        only(on_port.iter().filter(exact))
            .or_else(|| {
                let none = !on_port.iter().any(|it| exact(&it));
                none.then(|| only(on_port.iter().filter(any))).flatten()
            })
            .map(|listener| **listener)
    }
}

/// The one item; `None` of none or several.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

const fn port_of(flow: &Flow) -> Port {
    (flow.netns, flow.local.port())
}
