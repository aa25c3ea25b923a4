//! The sockets that are asleep, least recently touched first.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::asleep::Asleep;

/// Sockets by kernel address, in slots that are taken again: a million of them is most of the memory
/// finrst has, so there is no other copy of an address, and no large piece grows by being moved.
#[derive(Debug)]
pub(super) struct Sleepers {
    /// All full but the last one.
    pieces: Vec<Vec<Slot>>,
    /// In which slot each is.
    places: HashTable<u32>,
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
            places: HashTable::new(),
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

    /// Where the socket is that was untouched for longest.
    pub(super) fn oldest(&self) -> Option<u64> {
        slot(&self.pieces, self.oldest).map(|slot| slot.address)
    }

    /// Adds a socket as the one touched last; `address` is where the kernel has it.
    pub(super) fn insert(&mut self, address: u64, socket: Asleep) {
        self.remove(address);
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
        self.places.insert_unique(hash, place, |&place| {
            hashes.hash_one(slot(pieces, place).map_or(0, |slot| slot.address))
        });
    }

    /// Takes a socket out.
    pub(super) fn remove(&mut self, address: u64) -> Option<Asleep> {
        let hash = self.hashes.hash_one(address);
        let pieces = &self.pieces;
        let is = |&place: &u32| slot(pieces, place).is_some_and(|slot| slot.address == address);
        let (place, _) = self.places.find_entry(hash, is).ok()?.remove();
        let free = self.free;
        let slot = self.slot_mut(place)?;
        let socket = slot.socket.take();
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

/// Which piece, and where in it.
fn split(place: u32) -> (usize, usize) {
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    (place / PIECE, place % PIECE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        correlate::tracked::Tracked,
        model::{flow::Flow, socket::SocketId, time::MonoNs},
    };

    fn socket(address: u64, mark: u64) -> Asleep {
        let end = "192.0.2.1:1".parse().unwrap();
        let id = SocketId {
            address,
            cookie: None,
        };
        let flow = Flow {
            local: end,
            remote: end,
            netns: None,
        };
        Asleep::Whole(Box::new(Tracked::new(MonoNs(mark), id, flow)))
    }

    #[test]
    fn a_slot_is_small() {
        assert!(size_of::<Slot>() <= 80, "{}", size_of::<Slot>());
    }

    proptest! {
        /// A list in order of touches is the same, only slower.
        #[test]
        fn sleepers_are_found_and_in_order(
            steps in prop::collection::vec((any::<bool>(), 0_u64..2_500), 0..6_000),
        ) {
            let mut sleepers = Sleepers::default();
            let mut list: Vec<(u64, u64)> = Vec::new();
            for (mark, (adds, address)) in (0..).zip(steps) {
                let known = list.iter().position(|&(other, _)| other == address);
                let known = known.map(|at| list.remove(at).1);
                if adds {
                    sleepers.insert(address, socket(address, mark));
                    list.push((address, mark));
                } else {
                    let removed = sleepers.remove(address);
                    prop_assert_eq!(removed.map(|it| it.wake(address).first_seen.0), known);
                }
                prop_assert_eq!(sleepers.oldest(), list.first().map(|&(address, _)| address));
                prop_assert_eq!(sleepers.len(), list.len());
            }
            for (address, mark) in list {
                prop_assert_eq!(sleepers.oldest(), Some(address));
                let removed = sleepers.remove(address);
                prop_assert_eq!(removed.map(|it| it.wake(address).first_seen.0), Some(mark));
            }
            prop_assert_eq!(sleepers.oldest(), None);
        }
    }
}
