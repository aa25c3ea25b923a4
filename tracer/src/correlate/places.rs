//! Numbers by a hash of what they stand for.

use hashbrown::HashTable;

/// Many small tables in place of a large one: to grow, one moves some thousand numbers and looks at what
/// each stands for, a few milliseconds during which no buffer overflows.
#[derive(Debug)]
pub(super) struct Places {
    tables: Vec<HashTable<u32>>,
    len: usize,
}

const TABLES: usize = 64;

/// The first of the bits of a hash that choose the table: one looks at the lowest and the highest.
const CHOICE: u32 = 48;

impl Default for Places {
    fn default() -> Self {
        Self {
            tables: (0..TABLES).map(|_| HashTable::new()).collect(),
            len: 0,
        }
    }
}

impl Places {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The one with this hash that `is` it.
    pub(super) fn find(&self, hash: u64, is: impl FnMut(&u32) -> bool) -> Option<u32> {
        self.tables.get(choice(hash))?.find(hash, is).copied()
    }

    /// Adds one that is not there; `hash_of` says the hash of any.
    pub(super) fn insert(&mut self, hash: u64, place: u32, hash_of: impl Fn(&u32) -> u64) {
        if let Some(table) = self.tables.get_mut(choice(hash)) {
            table.insert_unique(hash, place, hash_of);
            self.len += 1;
        }
    }

    /// Takes the one with this hash out that `is` it.
    pub(super) fn remove(&mut self, hash: u64, is: impl FnMut(&u32) -> bool) -> Option<u32> {
        let table = self.tables.get_mut(choice(hash))?;
        let (place, _) = table.find_entry(hash, is).ok()?.remove();
        self.len -= 1;
        Some(place)
    }
}

fn choice(hash: u64) -> usize {
    usize::try_from(hash >> CHOICE).unwrap_or(0) % TABLES
}
