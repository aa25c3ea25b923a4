//! One sighting of a segment, and what makes it one of the same segment.

use std::{cmp::Ordering, num::NonZeroU64};

use super::APART_NS;
use crate::model::{observation::SegmentFlags, segment::Headers, socket::SocketId, wire::Sighting};

/// One sighting of a segment, not told yet.
#[derive(Clone, Copy, Debug)]
pub(in crate::correlate) struct Sighted {
    /// Cookie of the socket that sent it; `None` when that is not known.
    pub(super) cookie: Option<NonZeroU64>,
    /// Where and when it was, and what it said.
    pub(in crate::correlate) sighting: Sighting,
    /// Whether an ending has told of it: its sender's, its receiver's.
    pub(in crate::correlate) told: [bool; 2],
}

/// What is the same of all sightings of one segment: the number of its FIN, or else its flags and
/// numbers. Of an RST that answers a SYN, the acknowledgement is all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::correlate) struct Number(u8, u32, u32);

impl Sighted {
    /// Whether a socket may have sent it: no other is known to.
    pub(in crate::correlate) fn may_be_of(&self, socket: Option<SocketId>) -> bool {
        let own = socket.and_then(|id| id.cookie);
        own.is_none() || self.cookie.is_none() || own == self.cookie
    }

    /// Whether it opens a connection, or agrees to.
    pub(in crate::correlate) const fn opens(&self) -> bool {
        self.sighting.headers.flags.opens()
    }

    /// What it is known by among segments of its tuple.
    ///
    /// A FIN sent again, or cut or merged on the way, may carry more of the data before it, or less.
    pub(in crate::correlate) const fn number(&self) -> Number {
        let Headers {
            flags,
            seq,
            ack,
            payload_bytes,
            ..
        } = self.sighting.headers;
        if flags.has(SegmentFlags::FIN) && !flags.has(SegmentFlags::RST) {
            Number(SegmentFlags::FIN, seq.wrapping_add(payload_bytes), 0)
        } else {
            let acked = flags.has(SegmentFlags::ACK);
            Number(flags.0, seq, if acked { ack } else { 0 })
        }
    }

    /// Whether another sighting, elsewhere, is of this segment.
    pub(super) fn is_near(&self, other: &Self) -> bool {
        let (one, two) = (self.sighting.at, other.sighting.at);
        self.number() == other.number() && one.since(two).max(two.since(one)) <= APART_NS
    }

    /// The order of time, and another where there is none.
    pub(super) fn in_time(&self, other: &Self) -> Ordering {
        let key = |it: &Self| {
            let Sighting {
                at,
                netns,
                device,
                direction,
                ..
            } = it.sighting;
            let Headers {
                source,
                destination,
                seq,
                flags,
                ..
            } = it.sighting.headers;
            (
                at,
                netns,
                device,
                direction,
                source,
                destination,
                seq,
                flags.0,
            )
        };
        key(self).cmp(&key(other))
    }
}
