//! The bounded table of sockets and the queue of those due to be told of.

use std::collections::{BTreeSet, HashMap};

use hashlink::{DefaultHashBuilder, LinkedHashMap, linked_hash_map::RawEntryMut};

use super::{
    asleep::{Asleep, Origins},
    sleepers::Sleepers,
    tracked::Tracked,
};
use crate::model::{
    flow::Flow,
    socket::{Socket, SocketId},
    time::MonoNs,
};

/// Sockets awake at once, as many as are touched within a tenth of a second on a busy machine.
const AWAKE: usize = 4_096;

/// Sockets by kernel address, least recently touched first.
#[derive(Debug)]
pub(super) struct Sockets {
    awake: LinkedHashMap<u64, Tracked>,
    /// Those nothing happened to for longer than to any that is awake.
    asleep: Sleepers,
    /// Which of those awake are found by their flow; of the others the sleepers know.
    by_flow: HashMap<Flow, u64, DefaultHashBuilder>,
    origins: Origins,
    /// When to look whether a socket is due: when it is, or before.
    due: BTreeSet<(MonoNs, u64)>,
    limit: usize,
    /// How many may be awake.
    most_awake: usize,
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
            awake: LinkedHashMap::new(),
            asleep: Sleepers::default(),
            by_flow: HashMap::default(),
            origins: Origins::default(),
            due: BTreeSet::new(),
            limit: limit.max(1),
            most_awake: AWAKE,
        }
    }

    /// As this, with so many awake at once, at least one.
    #[cfg(test)]
    pub(super) fn with_awake(self, most: usize) -> Self {
        Self {
            most_awake: most.max(1),
            ..self
        }
    }

    /// Sockets in the table.
    pub(super) fn len(&self) -> usize {
        self.awake.len() + self.asleep.len()
    }

    /// Sockets that are awake.
    #[cfg(test)]
    pub(super) fn awake(&self) -> usize {
        self.awake.len()
    }

    /// Sockets that are found by their flow.
    #[cfg(test)]
    pub(super) fn found_by_flow(&self) -> usize {
        self.by_flow.len() + self.asleep.found_by_flow()
    }

    /// Sockets with a time to be told of.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.due.len()
    }

    /// The socket at `address`, whichever it is. The one touched last is asked for again and again,
    /// and found without a look into the table.
    pub(super) fn at(&mut self, address: u64) -> Option<&mut Tracked> {
        if self
            .awake
            .back()
            .is_some_and(|(&latest, _)| latest == address)
        {
            return self
                .awake
                .iter_mut()
                .next_back()
                .map(|(_, tracked)| tracked);
        }
        self.wake(address);
        self.awake.get_mut(&address)
    }

    /// The socket that `id` means; `None` when another one lives at that address now.
    pub(super) fn find(&mut self, id: SocketId) -> Option<&mut Tracked> {
        self.at(id.address).filter(|tracked| tracked.id.may_be(id))
    }

    /// From now on the socket at `address` is found by its flow, if that is a connection's; an older one
    /// of the same flow no longer is.
    pub(super) fn find_by_flow(&mut self, address: u64) {
        let Some(tracked) = self.at(address) else {
            return;
        };
        let flow = tracked.flow;
        if tracked.found_by_flow || !is_connected(&flow) {
            return;
        }
        tracked.found_by_flow = true;
        self.asleep.lose_flow(&flow);
        self.by_flow.insert(flow, address);
    }

    /// Where the socket with this flow is.
    pub(super) fn of_flow(&self, flow: &Flow) -> Option<u64> {
        let awake = self.by_flow.get(flow).copied();
        awake.or_else(|| self.asleep.of_flow(flow))
    }

    /// Takes a socket awake from those found by their flow, and says whether it was among them.
    fn lose(&mut self, flow: &Flow, address: u64) -> bool {
        let found = self.by_flow.get(flow) == Some(&address);
        if found {
            self.by_flow.remove(flow);
        }
        found
    }

    /// Makes sure that `socket` is in the table and untouched for no time at all.
    ///
    /// A birth, another cookie, and any event after the socket at the address was given up start
    /// a new entry and displace the old one; so does a full table the least recently touched.
    /// An event older than the entry starts none: it belongs to this socket or to one before it.
    pub(super) fn touch(&mut self, at: MonoNs, socket: &Socket, birth: bool) -> Option<Displaced> {
        let address = socket.id.address;
        let mut displaced = None;
        self.wake(address);
        if let RawEntryMut::Occupied(mut entry) = self.awake.raw_entry_mut().from_key(&address) {
            let known = entry.get();
            let same = known.id.may_be(socket.id);
            let late = at < known.first_seen;
            if same && (late || !birth && known.is_alive(at)) {
                entry.to_back();
                return None;
            }
            if late {
                return Some(Displaced::Nobody);
            }
            displaced = self.remove(address).map(Displaced::Reborn);
        } else if self.len() >= self.limit {
            displaced = self.pop_oldest().map(Displaced::Evicted);
        }
        self.lay_down();
        let tracked = Tracked {
            uid: socket.uid,
            state: socket.state,
            ..Tracked::new(at, socket.id, socket.flow)
        };
        self.awake.insert(address, tracked);
        displaced
    }

    /// Puts those to sleep that nothing happened to for longest, so that there is room for one.
    fn lay_down(&mut self) {
        while self.awake.len() >= self.most_awake
            && let Some((address, tracked)) = self.awake.pop_front()
        {
            let by_flow = tracked.found_by_flow && self.lose(&tracked.flow, address);
            let asleep = Asleep::lay(tracked, &mut self.origins);
            self.asleep.insert(address, asleep, by_flow);
        }
    }

    /// Makes a socket that is asleep the latest of those awake.
    fn wake(&mut self, address: u64) {
        if self.asleep.len() > 0
            && let Some((asleep, by_flow)) = self.asleep.remove(address)
        {
            self.lay_down();
            let tracked = asleep.wake(address);
            if by_flow {
                self.by_flow.insert(tracked.flow, address);
            }
            self.awake.insert(address, tracked);
        }
    }

    /// Sets when the socket at `address` is to be told of; `None` for not yet.
    pub(super) fn schedule(&mut self, address: u64, due: Option<MonoNs>) {
        let Some(tracked) = self.at(address) else {
            return;
        };
        tracked.due = due;
        let queued = tracked.queued;
        // Most are put off again and again: their place in the queue is looked at when it comes.
        if queued == due || due.is_some_and(|due| queued.is_some_and(|queued| queued < due)) {
            return;
        }
        tracked.queued = due;
        if let Some(old) = queued {
            self.due.remove(&(old, address));
        }
        if let Some(new) = due {
            self.due.insert((new, address));
        }
    }

    /// Whether there may be a socket due at `now`.
    pub(super) fn is_due(&self, now: MonoNs) -> bool {
        self.due.first().is_some_and(|&(due, _)| due <= now)
    }

    /// Takes the next socket due at `now` out of the queue, not out of the table.
    pub(super) fn pop_due(&mut self, now: MonoNs) -> Option<u64> {
        while let Some(&(queued, address)) = self.due.first()
            && queued <= now
        {
            let due = self.at(address).and_then(|tracked| tracked.due);
            // Out of the queue, and back to where it belongs.
            self.schedule(address, None);
            if due.is_some_and(|due| due > queued) {
                self.schedule(address, due);
            } else {
                return Some(address);
            }
        }
        None
    }

    /// Takes a socket out of the table.
    pub(super) fn remove(&mut self, address: u64) -> Option<Tracked> {
        self.schedule(address, None);
        let tracked = self.awake.remove(&address)?;
        if tracked.found_by_flow {
            self.lose(&tracked.flow, address);
        }
        Some(tracked)
    }

    /// Takes out the socket that was untouched for longest.
    pub(super) fn pop_oldest(&mut self) -> Option<Tracked> {
        let awake = || self.awake.front().map(|(&address, _)| address);
        let address = self.asleep.oldest().or_else(awake)?;
        self.remove(address)
    }
}

/// Whether both ends are set and the namespace is known.
fn is_connected(flow: &Flow) -> bool {
    flow.local.port() != 0 && flow.remote.port() != 0 && flow.netns.is_some()
}
