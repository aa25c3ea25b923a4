//! What takes the entries of a run as they come.

use std::io;

use super::Entry;

/// Where a recording goes.
pub trait Medium {
    /// Takes an entry.
    ///
    /// # Errors
    ///
    /// The recording ends where it is; `InvalidData` for an entry that is longer than a reader takes,
    /// which is left out.
    fn put(&mut self, entry: &Entry<'_>) -> io::Result<()>;

    /// Has what came so far safe, as far as that can be.
    ///
    /// # Errors
    ///
    /// The recording ends where it is.
    fn flush(&mut self) -> io::Result<()>;

    /// Nothing more is to come.
    ///
    /// # Errors
    ///
    /// The recording ends where it is.
    fn finish(self: Box<Self>) -> io::Result<()>;
}
