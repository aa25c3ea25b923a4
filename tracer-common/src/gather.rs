//! What the kernel half gathers itself, instead of sending records, where latencies alone are asked
//! for: what it remembers of connections that end, and where it counts how long their phases took.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::layout::assert_layout;

/// Values of [`Settings::gather`](crate::settings::Settings::gather).
pub mod mode {
    /// Records are sent, nothing is gathered.
    pub const OFF: u32 = 0;
    /// Nothing is sent; all connections are gathered together.
    pub const TOGETHER: u32 = 1;
    /// Nothing is sent; connections are gathered by the process that acted on them last.
    pub const BY_PROCESS: u32 = 2;
}

/// Indices of [`Life::phases`] and values of [`Key::phase`].
pub mod phase {
    /// From the call of close(2) to the FIN.
    pub const CLOSE_TO_FIN: u16 = 0;
    /// From the FIN to its acknowledgement.
    pub const FIN_TO_ACK: u16 = 1;
    /// The same, of a close that waits for it.
    pub const CLOSE_BLOCKED: u16 = 2;
    /// In `FIN_WAIT2`.
    pub const FIN_WAIT2: u16 = 3;
    /// In `CLOSE_WAIT`.
    pub const CLOSE_WAIT: u16 = 4;
    /// In `LAST_ACK`.
    pub const LAST_ACK: u16 = 5;
    /// From the call of close(2) to the decision to send an RST.
    pub const CLOSE_TO_RST: u16 = 6;
    /// From the call of close(2), seen or implied, to the end of the socket.
    pub const TOTAL: u16 = 7;
    /// No phase: counts connections, its "bucket" being bits of [`ended`](super::ended).
    pub const ENDINGS: u16 = 8;
}

/// Phases a connection may have.
pub const PHASES: usize = 8;

/// Bits of a [`Key::bucket`] of [`phase::ENDINGS`].
pub mod ended {
    /// An RST was sent or received.
    pub const RESET: u16 = 1;
    /// Somebody forgot a side of it.
    pub const LEAKED: u16 = 1 << 1;
}

/// Bits of [`Life::flags`].
pub mod life {
    /// The call of close(2) was seen, not implied by a transition.
    pub const CALLED: u32 = 1;
    /// Our FIN was queued.
    pub const FIN_SENT: u32 = 1 << 1;
    /// The peer's FIN came.
    pub const FIN_RECEIVED: u32 = 1 << 2;
    /// An RST was sent or received.
    pub const RESET: u32 = 1 << 3;
    /// It was cut off: by an RST, or because the kernel gave up waiting.
    pub const CUT_OFF: u32 = 1 << 4;
    /// It went away, with nothing sent or received for it maybe.
    pub const CLOSED: u32 = 1 << 5;
    /// The FIN was asked for by shutdown(2).
    pub const SHUTDOWN: u32 = 1 << 6;
    /// The close waits for the acknowledgement of its FIN.
    pub const LINGERS: u32 = 1 << 7;
    /// Somebody forgot a side of it.
    pub const LEAKED: u32 = 1 << 8;
    /// A process filter wants it.
    pub const WANTED: u32 = 1 << 9;
    /// The kernel gave the socket up: it is to be counted.
    pub const GONE: u32 = 1 << 10;

    /// Any of these makes it an ending.
    pub const ENDED: u32 = FIN_SENT | FIN_RECEIVED | RESET | CUT_OFF | CLOSED;
}

/// Who acted on a connection last: a process, by what nobody else has at any time.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
)]
#[repr(C)]
pub struct Owner {
    /// When its leader was started, nanoseconds of `CLOCK_BOOTTIME`; zero for nobody, or unknown.
    pub start_ns: u64,
    /// Its id; zero for nobody.
    pub tgid: u32,
    /// Explicit padding, always zero.
    pub reserved: u32,
}

assert_layout!(Owner, size = 16, { start_ns: 0, tgid: 8, reserved: 12 });

/// What is remembered of a connection that began to end, until its socket is gone; value of the map
/// `LIVES`, whose key is the socket's address. Times are of `CLOCK_MONOTONIC`, zero for not yet.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Life {
    /// When close(2) was called, seen or implied.
    pub close_ns: u64,
    /// When our FIN was queued.
    pub fin_ns: u64,
    /// When the socket got into `state`.
    pub entered_ns: u64,
    /// When it went to `CLOSE`.
    pub closed_ns: u64,
    /// Who acted on it last.
    pub owner: Owner,
    /// Its state, a `TCP_*` value of `include/net/tcp_states.h`; zero while none was seen to begin.
    pub state: u32,
    /// The state before that; zero likewise.
    pub before: u32,
    /// Bits of [`life`].
    pub flags: u32,
    /// `write_seq` when `CLOSE_WAIT` began: what is larger later was written since.
    pub write_seq: u32,
    /// Nanoseconds each of [`phase`] took; zero for one that was not seen whole.
    pub phases: [u64; PHASES],
}

assert_layout!(Life, size = 128, {
    close_ns: 0, fin_ns: 8, entered_ns: 16, closed_ns: 24, owner: 32, state: 48, before: 52,
    flags: 56, write_seq: 60, phases: 64,
});

/// Where durations are counted; key of the map `SPREADS`.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
)]
#[repr(C)]
pub struct Key {
    /// Whose connections.
    pub owner: Owner,
    /// One of [`phase`].
    pub phase: u16,
    /// Which durations, by [`bucket`].
    pub bucket: u16,
    /// Explicit padding, always zero.
    pub reserved: u32,
}

assert_layout!(Key, size = 24, { owner: 0, phase: 16, bucket: 18, reserved: 20 });

/// The durations of one bucket on one CPU; value of the map `SPREADS`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Durations {
    /// How many.
    pub count: u64,
    /// Nanoseconds, together.
    pub sum: u64,
    /// Nanoseconds of the longest.
    pub max: u64,
}

assert_layout!(Durations, size = 24, { count: 0, sum: 8, max: 16 });

/// Bits of a duration below its highest that tell buckets apart: each is an eighth as wide as what
/// is in it is long, at most.
const FINE: u32 = 3;

/// The bucket of so many nanoseconds; what is shorter than eight is as eight.
#[must_use]
#[inline(always)]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "three bits, and a number below 500"
)]
pub const fn bucket(ns: u64) -> u16 {
    let ns = if ns < 1 << FINE { 1 << FINE } else { ns };
    let octave = u64::BITS - 1 - FINE - ns.leading_zeros();
    let within = (ns >> octave) as u32 & ((1 << FINE) - 1);
    ((octave << FINE) | within) as u16
}

/// The shortest duration of a bucket, and the longest.
#[must_use]
#[expect(
    clippy::as_conversions,
    reason = "widening; `From` is not for constants"
)]
pub const fn bounds(bucket: u16) -> (u64, u64) {
    let octave = (bucket >> FINE) as u32;
    if octave >= u64::BITS - FINE {
        return (u64::MAX, u64::MAX);
    }
    let first = (1 << FINE) | (bucket as u64 & ((1 << FINE) - 1));
    let width = 1_u64 << octave;
    (first << octave, (first << octave) + (width - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_within_the_bounds_of_its_bucket() {
        let octaves = (0..64).flat_map(|bit| {
            let power = 1_u64 << bit;
            [
                power - 1,
                power,
                power + 1,
                power + power / 3,
                power + (power - 1),
            ]
        });
        for ns in octaves.filter(|&ns| ns >= 8) {
            let (low, high) = bounds(bucket(ns));
            assert!((low..=high).contains(&ns), "{ns} in {low} to {high}");
            assert!(high - low <= low / 8, "{low} to {high} is narrow");
        }
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let (mut last, mut ns) = (bucket(8), 8);
        while let Some(next) = bounds(last).1.checked_add(1) {
            assert_eq!(bucket(next), last + 1, "after {ns}");
            (last, ns) = (last + 1, next);
        }
        assert_eq!(bounds(last).1, u64::MAX);
        assert_eq!(bounds(u16::MAX), (u64::MAX, u64::MAX));
    }

    #[test]
    fn what_is_too_short_to_be_is_in_the_first() {
        assert_eq!([bucket(0), bucket(1), bucket(7)], [bucket(8); 3]);
    }
}
