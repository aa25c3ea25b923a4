//! Slots of the per-CPU counters the kernel half keeps: tried and lost, in all and per kind.

use crate::event::Kind;

/// Number of `u64` slots in the one value of the `COUNTS` map.
pub const SLOTS: u32 = 64;

/// Slot that counts all records the hooks of one CPU tried to send.
pub const TRIED: u32 = 0;

/// Slot that counts sockets taken into the table of verdicts, less those taken out of it; a CPU's
/// share may wrap below zero, the sum does not. What is not in the table had to make room.
pub const VERDICTS: u32 = SLOTS / 2;

/// Slot that counts packets of TCP whose header a capture could not read: fragments, headers
/// outside of the linear part of their buffer, damaged ones.
pub const UNREADABLE: u32 = SLOTS - 1;

/// Slot that counts SYNs a capture did not report, because there were too many at a time.
pub const SYNS_LEFT_OUT: u32 = SLOTS - 2;

/// Slot that counts events of connections there was no room to remember, while latencies are
/// gathered in the kernel.
pub const UNFOLLOWED: u32 = SLOTS - 3;

/// Slot that counts durations for whose bucket there was no room, likewise.
pub const UNGATHERED: u32 = SLOTS - 4;

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

const _: () = {
    let mut kinds: &[Kind] = &Kind::ALL;
    while let [kind, others @ ..] = kinds {
        assert!(
            kind.index() < SLOTS / 2 - 4,
            "every kind needs a counter in each half, and the last four slots are taken"
        );
        kinds = others;
    }
};
