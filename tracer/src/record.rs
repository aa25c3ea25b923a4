//! The file a run is recorded in: what came, in the order it came, so that it can be told again.
//!
//! ```text
//! file  = magic (8) · version u16 · zero u16 · one zstd stream of chunks
//! chunk = length u32 · CRC-32 of the entries u32 · entries
//! entry = kind u16 · size u32 · payload                          all little endian
//! ```
//!
//! A chunk ends a zstd block and leaves for the file at once, so a file that was cut gives every
//! chunk before the cut. Nothing is handed out that its chunk's checksum does not vouch for. Kinds a
//! reader does not know are skipped and counted, as are members of the JSON payloads: the version
//! rises only when an older reader would misread.
//!
//! Bytes in, bytes out: no clock, no file names, no `/proc`.

mod entry;
mod framed;
mod header;
mod known;
mod medium;
mod reader;
mod shape;
#[cfg(test)]
pub(crate) mod tests;
mod writer;

pub use self::{
    entry::{Answer, Entry, PayloadError},
    framed::{append, entries},
    header::{Header, Point, Settings},
    known::Known,
    medium::Medium,
    reader::{ReadError, Reader, Stop},
    writer::Writer,
};

/// The first bytes of every recording; the third from last stops `type`, the last shows a
/// conversion of line ends.
pub const MAGIC: [u8; 8] = *b"finrst\x1a\n";

/// The version of the format that this build writes, and the only one it reads.
pub const VERSION: u16 = 1;

/// Bytes of entries at which a chunk is full.
const CHUNK: usize = 64 << 10;

/// Bytes a payload may have at most: a list of processes that hold one socket is the longest.
const PAYLOAD: usize = 16 << 20;

/// Bytes before the payload of an entry.
const ENTRY_HEAD: usize = 6;

/// Bytes before the entries of a chunk.
const CHUNK_HEAD: usize = 8;

/// Binary logarithm of the memory a reader lets a file ask for to decompress it: 8 MiB, as much as
/// any usual level of zstd needs.
const WINDOW_LOG: u32 = 23;
