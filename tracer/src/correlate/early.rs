//! Who accepted connections no other event has told of yet.

use hashlink::LinkedHashMap;

use crate::model::{process::Actor, socket::SocketId};

/// Acceptors by the address of the socket, the oldest first.
#[derive(Debug)]
pub(super) struct Early {
    by_address: LinkedHashMap<u64, (SocketId, Actor)>,
    limit: usize,
}

impl Early {
    /// Room for `limit` connections.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            by_address: LinkedHashMap::new(),
            limit: limit.max(1),
        }
    }

    /// Keeps who accepted a connection; the one kept for longest gives way.
    pub(super) fn keep(&mut self, socket: SocketId, acceptor: Actor) {
        self.by_address.remove(&socket.address);
        self.by_address.insert(socket.address, (socket, acceptor));
        if self.by_address.len() > self.limit {
            self.by_address.pop_front();
        }
    }

    /// Who accepted a connection; what was kept for its address is forgotten.
    pub(super) fn take(&mut self, socket: SocketId) -> Option<Actor> {
        let (kept, acceptor) = self.by_address.remove(&socket.address)?;
        kept.may_be(socket).then_some(acceptor)
    }

    /// The address is another socket's now.
    pub(super) fn forget(&mut self, address: u64) {
        self.by_address.remove(&address);
    }
}
