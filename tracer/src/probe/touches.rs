//! Who last sent or received on each socket: the map in which the kernel half keeps it.

use aya::maps::{HashMap, Map, MapData, MapError};
use tracer_common::touch::Touch;

/// Sockets of which it is kept at most.
pub const TOUCHES: u32 = 16_384;

/// Bytes of a value.
const SIZE: usize = size_of::<Touch>();

/// The map `TOUCHES`, read by user space alone.
pub struct Touches(HashMap<MapData, u64, [u8; SIZE]>);

impl Touches {
    /// Takes the map over.
    ///
    /// # Errors
    ///
    /// The map is of another shape: the object was built from other sources.
    pub(super) fn new(map: Map) -> Result<Self, MapError> {
        HashMap::try_from(map).map(Self)
    }

    /// The last touch of the socket at an address, as bytes; `None` when none was noted.
    #[must_use]
    pub fn of(&self, address: u64) -> Option<Vec<u8>> {
        self.0.get(&address, 0).ok().map(|value| value.to_vec())
    }

    /// Whether there is no room for further sockets.
    #[must_use]
    pub fn are_full(&self) -> bool {
        let room = usize::try_from(TOUCHES).unwrap_or(usize::MAX);
        self.0.keys().take(room).count() >= room
    }
}
