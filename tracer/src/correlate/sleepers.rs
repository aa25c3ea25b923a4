//! The sockets that are asleep, least recently touched first.

use std::hash::BuildHasher as _;

use hashbrown::DefaultHashBuilder;

use super::{asleep::Asleep, places::Places};
use crate::model::flow::Flow;

/// Sockets by kernel address, in slots that are taken again: a million of them is most of the memory
/// finrst has, so there is no other copy of an address, and no large piece grows by being moved.
#[derive(Debug)]
pub(super) struct Sleepers {
    /// All full but the last one.
    pieces: Vec<Vec<Slot>>,
    /// In which slot each is.
    places: Places,
    /// In which slots those are that are found by their flow; of one flow there is one.
    by_flow: Places,
    hashes: DefaultHashBuilder,
    /// The one untouched for longest, and the one touched last.
    oldest: u32,
    latest: u32,
    /// An empty slot, whose `younger` is another one.
    free: u32,
}

#[derive(Debug)]
struct Slot {
    address: u64,
    /// `None` in an empty slot.
    socket: Option<Asleep>,
    /// Its neighbours in the order of touches, or [`NONE`].
    older: u32,
    younger: u32,
}

/// Slots of a piece.
const PIECE: usize = 1_024;
/// No slot.
const NONE: u32 = u32::MAX;

impl Default for Sleepers {
    fn default() -> Self {
        Self {
            pieces: Vec::new(),
            places: Places::default(),
            by_flow: Places::default(),
            hashes: DefaultHashBuilder::default(),
            oldest: NONE,
            latest: NONE,
            free: NONE,
        }
    }
}

impl Sleepers {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// How many are found by their flow.
    #[cfg(test)]
    pub(super) fn found_by_flow(&self) -> usize {
        self.by_flow.len()
    }

    /// Where the socket is that was untouched for longest.
    pub(super) fn oldest(&self) -> Option<u64> {
        slot(&self.pieces, self.oldest).map(|slot| slot.address)
    }

    /// Where the socket is that is found by this flow.
    pub(super) fn of_flow(&self, flow: &Flow) -> Option<u64> {
        let is = |&place: &u32| flow_of(&self.pieces, place).as_ref() == Some(flow);
        let place = self.by_flow.find(self.hashes.hash_one(flow), is)?;
        slot(&self.pieces, place).map(|slot| slot.address)
    }

    /// None is found by this flow any more.
    pub(super) fn lose_flow(&mut self, flow: &Flow) {
        let pieces = &self.pieces;
        let is = |&place: &u32| flow_of(pieces, place).as_ref() == Some(flow);
        self.by_flow.remove(self.hashes.hash_one(flow), is);
    }

    /// Adds a socket as the one touched last; `address` is where the kernel has it. From now on it is the
    /// one found by its flow, or it is not found by it.
    pub(super) fn insert(&mut self, address: u64, socket: Asleep, by_flow: bool) {
        self.remove(address);
        let flow = by_flow.then(|| socket.flow());
        let Some(place) = self.put(Slot {
            address,
            socket: Some(socket),
            older: self.latest,
            younger: NONE,
        }) else {
            return;
        };
        if let Some(before) = self.slot_mut(self.latest) {
            before.younger = place;
        } else {
            self.oldest = place;
        }
        self.latest = place;
        let hash = self.hashes.hash_one(address);
        let (pieces, hashes) = (&self.pieces, &self.hashes);
        self.places.insert(hash, place, |&place| {
            hashes.hash_one(slot(pieces, place).map_or(0, |slot| slot.address))
        });
        if let Some(flow) = flow {
            self.lose_flow(&flow);
            let (pieces, hashes) = (&self.pieces, &self.hashes);
            self.by_flow.insert(hashes.hash_one(flow), place, |&place| {
                flow_of(pieces, place).map_or(0, |flow| hashes.hash_one(flow))
            });
        }
    }

    /// Takes a socket out, and says whether it was the one found by its flow.
    pub(super) fn remove(&mut self, address: u64) -> Option<(Asleep, bool)> {
        let hash = self.hashes.hash_one(address);
        let pieces = &self.pieces;
        let is = |&place: &u32| slot(pieces, place).is_some_and(|slot| slot.address == address);
        let place = self.places.remove(hash, is)?;
        let hash = flow_of(pieces, place).map_or(0, |flow| self.hashes.hash_one(flow));
        let by_flow = self.by_flow.remove(hash, |&other| other == place).is_some();
        let free = self.free;
        let slot = self.slot_mut(place)?;
        let socket = slot.socket.take().map(|socket| (socket, by_flow));
        let (older, younger) = (slot.older, slot.younger);
        slot.younger = free;
        self.free = place;
        match self.slot_mut(older) {
            Some(slot) => slot.younger = younger,
            None => self.oldest = younger,
        }
        match self.slot_mut(younger) {
            Some(slot) => slot.older = older,
            None => self.latest = older,
        }
        socket
    }

    /// Puts a slot where one is empty, or behind all; `None` after four thousand million.
    fn put(&mut self, new: Slot) -> Option<u32> {
        let free = self.free;
        if let Some(slot) = self.slot_mut(free) {
            let next = slot.younger;
            *slot = new;
            self.free = next;
            return Some(free);
        }
        if self.pieces.last().is_none_or(|last| last.len() == PIECE) {
            self.pieces.push(Vec::with_capacity(PIECE));
        }
        let before = (self.pieces.len() - 1) * PIECE;
        let last = self.pieces.last_mut()?;
        let place = u32::try_from(before + last.len()).ok();
        let place = place.filter(|&place| place != NONE)?;
        last.push(new);
        Some(place)
    }

    fn slot_mut(&mut self, place: u32) -> Option<&mut Slot> {
        let (piece, within) = split(place);
        self.pieces.get_mut(piece)?.get_mut(within)
    }
}

/// The slot of a number.
fn slot(pieces: &[Vec<Slot>], place: u32) -> Option<&Slot> {
    let (piece, within) = split(place);
    pieces.get(piece)?.get(within)
}

/// The flow of the socket in a slot.
fn flow_of(pieces: &[Vec<Slot>], place: u32) -> Option<Flow> {
    slot(pieces, place)?.socket.as_ref().map(Asleep::flow)
}

/// Which piece, and where in it.
fn split(place: u32) -> (usize, usize) {
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    (place / PIECE, place % PIECE)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, net::Ipv4Addr};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        correlate::{asleep::Origins, tracked::Tracked},
        model::{flow::Flow, socket::SocketId, time::MonoNs},
    };

    /// Several sockets have the same flow.
    fn flow(address: u64) -> Flow {
        let port = u16::try_from(address % 700).unwrap();
        Flow {
            local: (Ipv4Addr::LOCALHOST, port).into(),
            remote: (Ipv4Addr::LOCALHOST, 1).into(),
            netns: None,
        }
    }

    fn socket(address: u64, mark: u64) -> Tracked {
        let id = SocketId {
            address,
            cookie: None,
        };
        Tracked::new(MonoNs(mark), id, flow(address))
    }

    #[test]
    fn a_slot_is_small() {
        assert!(size_of::<Slot>() <= 80, "{}", size_of::<Slot>());
    }

    proptest! {
        /// A list in order of touches is the same, only slower.
        #[test]
        fn sleepers_are_found_and_in_order(
            steps in prop::collection::vec((0..4, 0_u64..2_500), 0..6_000),
        ) {
            let (mut sleepers, mut origins) = (Sleepers::default(), Origins::default());
            let mut list: Vec<(u64, u64)> = Vec::new();
            let mut by_flow: HashMap<Flow, u64> = HashMap::new();
            for (mark, (step, address)) in (0..).zip(steps) {
                let flow = flow(address);
                let known = list.iter().position(|&(other, _)| other == address);
                let known = known.map(|at| list.remove(at).1);
                let found = by_flow.get(&flow) == Some(&address);
                if step == 0 {
                    let removed = sleepers.remove(address);
                    let removed = removed.map(|(it, found)| (it.wake(address).first_seen.0, found));
                    prop_assert_eq!(removed, known.map(|mark| (mark, found)));
                } else {
                    let asleep = Asleep::lay(socket(address, mark), &mut origins);
                    sleepers.insert(address, asleep, step == 1);
                    list.push((address, mark));
                }
                if step == 1 {
                    by_flow.insert(flow, address);
                } else if found {
                    by_flow.remove(&flow);
                }
                prop_assert_eq!(sleepers.of_flow(&flow), by_flow.get(&flow).copied());
                prop_assert_eq!(sleepers.oldest(), list.first().map(|&(address, _)| address));
                prop_assert_eq!(sleepers.len(), list.len());
            }
            for (flow, address) in &by_flow {
                prop_assert_eq!(sleepers.of_flow(flow), Some(*address));
                sleepers.lose_flow(flow);
                prop_assert_eq!(sleepers.of_flow(flow), None);
            }
            for (address, mark) in list {
                prop_assert_eq!(sleepers.oldest(), Some(address));
                let removed = sleepers.remove(address);
                let removed = removed.map(|(it, found)| (it.wake(address).first_seen.0, found));
                prop_assert_eq!(removed, Some((mark, false)));
            }
            prop_assert_eq!(sleepers.oldest(), None);
        }
    }
}
