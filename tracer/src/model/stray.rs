//! A segment on the wire that no ending tells: what there is of it, and why nothing more.

use std::net::SocketAddr;

use super::{segment::Headers, wire::Sighting};

/// One FIN or RST that belongs to no act of any ending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// What it said where it was seen first.
    pub headers: Headers,
    /// Where and when it was seen, in the order of time; at least one.
    pub sightings: Vec<Sighting>,
    /// Why nothing tells of it.
    pub why: Why,
}

/// Who sent a segment, and who it was for.
pub type Tuple = (SocketAddr, SocketAddr);

/// Why no ending tells a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// It left from here, and no socket seen sent it: a raw socket did, or netfilter (`REJECT`), or
    /// the stand-in of a connection older than the trace.
    SentByNoSocket,
    /// It came here, and there was no socket for it.
    ForNoSocket,
    /// It only passed through.
    Forwarded,
    /// Its connection is known, and what is told of that was told before it came.
    KnownConnection,
    /// Its connection was there before the trace, and nothing the hooks see happened to it.
    OlderThanTrace,
    /// Records were lost when it was seen: its own may be among them.
    RecordsLost,
    /// Too many segments waited to be told.
    NoRoom,
}

impl Why {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::SentByNoSocket,
        Self::ForNoSocket,
        Self::Forwarded,
        Self::KnownConnection,
        Self::OlderThanTrace,
        Self::RecordsLost,
        Self::NoRoom,
    ];

    /// Its name in output.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SentByNoSocket => "sent_by_no_socket",
            Self::ForNoSocket => "for_no_socket",
            Self::Forwarded => "forwarded",
            Self::KnownConnection => "known_connection",
            Self::OlderThanTrace => "older_than_trace",
            Self::RecordsLost => "records_lost",
            Self::NoRoom => "no_room",
        }
    }
}
