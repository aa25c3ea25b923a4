//! Which processes are of Go: the map by which the kernel half finds their goroutines.

use aya::maps::{HashMap, Map, MapData, MapError};
use tracer_common::task::Goroutines as Offsets;
use zerocopy::IntoBytes as _;

/// Bytes of a value.
const SIZE: usize = size_of::<Offsets>();

/// The map `GOROUTINES`, written by user space alone; hooks take processes that ended out of it.
pub struct Goroutines(HashMap<MapData, u32, [u8; SIZE]>);

impl Goroutines {
    /// Takes the map over.
    ///
    /// # Errors
    ///
    /// The map is of another shape: the object was built from other sources.
    pub(super) fn new(map: Map) -> Result<Self, MapError> {
        HashMap::try_from(map).map(Self)
    }

    /// From now on the goroutines of a process are told.
    ///
    /// # Errors
    ///
    /// The map is full: those of this process are not.
    pub fn put(&mut self, pid: u32, offsets: &Offsets) -> Result<(), MapError> {
        let mut value = [0; SIZE];
        value.copy_from_slice(offsets.as_bytes());
        self.0.insert(pid, value, 0)
    }

    /// From now on they are not.
    pub fn forget(&mut self, pid: u32) {
        // The kernel half may have been faster.
        let _ = self.0.remove(&pid);
    }
}
