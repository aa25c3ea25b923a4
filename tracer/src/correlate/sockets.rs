//! The bounded table of sockets and the queue of those due to be told of.

use std::collections::BTreeSet;

use hashlink::LinkedHashMap;

use super::tracked::Tracked;
use crate::model::{
    socket::{Socket, SocketId},
    time::MonoNs,
};

/// Sockets by kernel address, least recently touched first.
#[derive(Debug)]
pub(super) struct Sockets {
    table: LinkedHashMap<u64, Tracked>,
    due: BTreeSet<(MonoNs, u64)>,
    limit: usize,
}

/// A socket that lost its place in the table.
#[derive(Debug)]
pub(super) enum Displaced {
    /// Its address was given to another socket, or it connects anew.
    Reborn(Tracked),
    /// The table was full.
    Evicted(Tracked),
    /// Nothing was displaced: the event is late, its socket is gone and another lives there.
    Nobody,
}

impl Sockets {
    /// An empty table for `limit` sockets, at least one.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            table: LinkedHashMap::new(),
            due: BTreeSet::new(),
            limit: limit.max(1),
        }
    }

    /// Sockets in the table.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Sockets with a time to be told of.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.due.len()
    }

    /// The socket at `address`, whichever it is.
    pub(super) fn at(&mut self, address: u64) -> Option<&mut Tracked> {
        self.table.get_mut(&address)
    }

    /// The socket that `id` means; `None` when another one lives at that address now.
    pub(super) fn find(&mut self, id: SocketId) -> Option<&mut Tracked> {
        self.table
            .get_mut(&id.address)
            .filter(|tracked| tracked.id.may_be(id))
    }

    /// Makes sure that `socket` is in the table and untouched for no time at all.
    ///
    /// A birth, another cookie, and any event after the socket at the address was given up start
    /// a new entry and displace the old one; so does a full table the least recently touched.
    /// An event older than the entry starts none: it belongs to this socket or to one before it.
    pub(super) fn touch(&mut self, at: MonoNs, socket: &Socket, birth: bool) -> Option<Displaced> {
        let address = socket.id.address;
        let mut displaced = None;
        if let Some(known) = self.table.get(&address) {
            let same = known.id.may_be(socket.id);
            let late = at < known.first_seen;
            if same && (late || !birth && known.is_alive(at)) {
                self.table.to_back(&address);
                return None;
            }
            if late {
                return Some(Displaced::Nobody);
            }
            displaced = self.remove(address).map(Displaced::Reborn);
        } else if self.table.len() >= self.limit {
            displaced = self.pop_oldest().map(Displaced::Evicted);
        }
        self.table.insert(address, Tracked::new(at, socket));
        displaced
    }

    /// Sets when the socket at `address` is to be told of; `None` for not yet.
    pub(super) fn schedule(&mut self, address: u64, due: Option<MonoNs>) {
        let Some(tracked) = self.table.get_mut(&address) else {
            return;
        };
        if tracked.due == due {
            return;
        }
        if let Some(old) = tracked.due {
            self.due.remove(&(old, address));
        }
        tracked.due = due;
        if let Some(new) = due {
            self.due.insert((new, address));
        }
    }

    /// Whether there is a socket due at `now`.
    pub(super) fn is_due(&self, now: MonoNs) -> bool {
        self.due.first().is_some_and(|&(due, _)| due <= now)
    }

    /// Takes the next socket due at `now` out of the queue, not out of the table.
    pub(super) fn pop_due(&mut self, now: MonoNs) -> Option<u64> {
        let &(due, address) = self.due.first()?;
        if due > now {
            return None;
        }
        self.schedule(address, None);
        Some(address)
    }

    /// Takes a socket out of the table.
    pub(super) fn remove(&mut self, address: u64) -> Option<Tracked> {
        self.schedule(address, None);
        self.table.remove(&address)
    }

    /// Takes out the socket that was untouched for longest.
    pub(super) fn pop_oldest(&mut self) -> Option<Tracked> {
        let address = *self.table.front()?.0;
        self.remove(address)
    }
}
