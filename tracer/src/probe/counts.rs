//! The kernel half's own account: records tried and lost, per kind, summed over CPUs.

use aya::maps::{Map, MapError, PerCpuArray};
use tracer_common::{
    count::{self, SLOTS},
    event::Kind,
};

#[expect(clippy::as_conversions, reason = "a small constant")]
const LENGTH: usize = SLOTS as usize;

/// The `COUNTS` map.
pub struct Counters(PerCpuArray<aya::maps::MapData, [u64; LENGTH]>);

/// What the counters said at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts([u64; LENGTH]);

impl Counters {
    /// Takes the map over.
    ///
    /// # Errors
    ///
    /// The map is of another shape: the object was built from other sources.
    pub fn new(map: Map) -> Result<Self, MapError> {
        PerCpuArray::try_from(map).map(Self)
    }

    /// Reads all counters.
    ///
    /// # Errors
    ///
    /// The kernel refuses to read the map.
    pub fn read(&self) -> Result<Counts, MapError> {
        let mut sums = [0_u64; LENGTH];
        for per_cpu in self.0.get(&0, 0)?.iter() {
            for (sum, value) in sums.iter_mut().zip(per_cpu) {
                *sum = sum.wrapping_add(*value);
            }
        }
        Ok(Counts(sums))
    }
}

impl Counts {
    /// Records of one kind the hooks tried to send.
    #[must_use]
    pub fn emitted(&self, kind: Kind) -> u64 {
        self.slot(count::emitted(kind))
    }

    /// Records of one kind that found their buffer full.
    #[must_use]
    pub fn lost(&self, kind: Kind) -> u64 {
        self.slot(count::lost(kind))
    }

    /// Sockets taken into the table of verdicts, less those taken out.
    #[must_use]
    pub fn verdicts(&self) -> u64 {
        self.slot(count::VERDICTS)
    }

    /// Segments whose header a capture in the kernel could not read.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.slot(count::UNREADABLE)
    }

    /// SYNs a capture in the kernel did not report.
    #[must_use]
    pub fn syns_left_out(&self) -> u64 {
        self.slot(count::SYNS_LEFT_OUT)
    }

    /// Events of connections there was no room to remember.
    #[must_use]
    pub fn unfollowed(&self) -> u64 {
        self.slot(count::UNFOLLOWED)
    }

    /// Durations there was no room to count.
    #[must_use]
    pub fn ungathered(&self) -> u64 {
        self.slot(count::UNGATHERED)
    }

    fn slot(&self, slot: u32) -> u64 {
        usize::try_from(slot)
            .ok()
            .and_then(|slot| self.0.get(slot))
            .copied()
            .unwrap_or(0)
    }
}
