//! What can be wrong with a capture file, and where.

use std::io;

/// A capture file that cannot be read any further.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It begins like neither pcap nor pcapng.
    #[error("neither pcap nor pcapng: it begins with {magic:02x?}")]
    NotACapture {
        /// Its first bytes, as many of four as it has.
        magic: Vec<u8>,
    },
    /// It ends in the middle of something; met inside its first header only.
    #[error("cut at byte {offset}, before the end of what begins there")]
    Cut {
        /// Where what is not whole begins.
        offset: u64,
    },
    /// It contradicts itself.
    #[error("damaged at byte {offset}: {damage}")]
    Damaged {
        /// Where the record begins that makes no sense.
        offset: u64,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The system does not let us read it.
    #[error("cannot read on at byte {offset}")]
    Io {
        /// How far it was read.
        offset: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What makes no sense in a capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A block that cannot have the length it gives.
    #[error("a block of type {kind:#x} cannot have {bytes} bytes")]
    BlockLength {
        /// Type of the block.
        kind: u32,
        /// The length it gives.
        bytes: u32,
    },
    /// A block that gives another length at its end.
    #[error("a block begins with a length of {first} bytes and ends with one of {last}")]
    Trailer {
        /// Length at its beginning.
        first: u32,
        /// Length at its end.
        last: u32,
    },
    /// A packet longer than what it is in, or than any is.
    #[error("a packet of {bytes} bytes where {room} are possible")]
    PacketLength {
        /// The length it gives.
        bytes: u32,
        /// What there is room for.
        room: u32,
    },
    /// A packet of an interface that was not described.
    #[error("a packet of interface {number}, of which there is no description")]
    Interface {
        /// Number within its section.
        number: u32,
    },
    /// More interfaces than a file may have.
    #[error("more than {limit} interfaces")]
    Interfaces {
        /// How many it may have.
        limit: usize,
    },
    /// A section without a byte order.
    #[error("a section with the byte order mark {mark:02x?}")]
    ByteOrder {
        /// What is in its place.
        mark: [u8; 4],
    },
    /// A version of the format finrst does not know.
    #[error("version {major} of the format")]
    Version {
        /// Major version.
        major: u16,
    },
    /// A clock too fine to count its ticks.
    #[error("time stamps of resolution {resolution:#x}")]
    Resolution {
        /// The option `if_tsresol`.
        resolution: u8,
    },
    /// An option that is longer than its block.
    #[error("an option that is longer than its block")]
    Option,
}
