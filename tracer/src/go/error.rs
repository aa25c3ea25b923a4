//! Why an executable is not read as one of Go.

use std::io;

/// What is wrong, and where in the file.
#[derive(Debug, thiserror::Error)]
pub enum GoError {
    /// The file cannot be read there.
    #[error("cannot read the executable at offset {at:#x}")]
    Read {
        /// Offset in the file.
        at: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file ends before, or a table leads out of it.
    #[error("the executable has no {len} bytes at offset {at:#x}")]
    Outside {
        /// Offset in the file.
        at: u64,
        /// Bytes wanted.
        len: u64,
    },
    /// It was not built by Go, or is no executable at all.
    #[error("not an executable built by Go")]
    NotGo,
    /// A table of it says what cannot be.
    #[error("damaged executable: {what} at offset {at:#x}")]
    Damaged {
        /// Offset in the file.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The running goroutine cannot be found in its processes.
    #[error("where its goroutines are is unknown: {what}")]
    Layout {
        /// What is missing.
        what: &'static str,
    },
}
