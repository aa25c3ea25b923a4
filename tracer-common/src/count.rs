//! Indices of the per-CPU counters the kernel half keeps: one `emitted` and one `lost` per kind.

use crate::event::Kind;

/// Number of slots in the `COUNTS` map: twice the kinds, the unused index zero included.
pub const SLOTS: u32 = 32;

/// Slot that counts records of `kind` the hooks tried to send.
#[must_use]
pub const fn emitted(kind: Kind) -> u32 {
    kind.index()
}

/// Slot that counts records of `kind` that found the buffer full.
#[must_use]
pub const fn lost(kind: Kind) -> u32 {
    SLOTS / 2 + kind.index()
}

const _: () = assert!(
    Kind::ALL.len() < 16,
    "every kind needs a counter in each half"
);
