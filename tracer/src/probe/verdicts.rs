//! What a process filter remembers of sockets: only how many is of interest here.

use aya::maps::{HashMap, Map, MapData, MapError};

/// The `VERDICTS` map, its values unread.
pub(super) struct Verdicts(HashMap<MapData, u64, [u64; 3]>);

impl Verdicts {
    /// Takes the map over.
    ///
    /// # Errors
    ///
    /// The map is of another shape: the object was built from other sources.
    pub(super) fn new(map: Map) -> Result<Self, MapError> {
        HashMap::try_from(map).map(Self)
    }

    /// Sockets in the table now.
    ///
    /// # Errors
    ///
    /// The kernel refuses to read the map.
    pub(super) fn count(&self) -> Result<u64, MapError> {
        self.0
            .keys()
            .try_fold(0, |count: u64, key| key.map(|_address| count + 1))
    }
}
