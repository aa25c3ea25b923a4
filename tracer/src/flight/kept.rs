//! An entry that is kept beyond the window.

use std::io::{self, Write};

use tracer_common::event::Kind;

use crate::{
    record::{Entry, Writer, append, entries},
    tally::PerKind,
};

/// Bytes that something kept takes beside its own.
const HEAD: usize = size_of::<Kept>() + 16;

/// An entry that is kept.
#[derive(Clone)]
pub(super) struct Kept {
    /// Its place among all that were kept.
    pub(super) order: u64,
    /// What record it is; `None` for what is none.
    kind: Option<Kind>,
    entry: Box<[u8]>,
}

impl Kept {
    pub(super) fn new(entry: &Entry<'_>, kind: Option<Kind>) -> io::Result<Self> {
        let mut bytes = Vec::new();
        append(&mut bytes, entry)?;
        Ok(Self {
            order: 0,
            kind,
            entry: bytes.into(),
        })
    }

    /// Bytes it takes, roughly.
    pub(super) const fn bytes(&self) -> usize {
        HEAD + self.entry.len()
    }

    /// Counts it.
    pub(super) fn count(&self, counts: &mut PerKind) {
        if let Some(kind) = self.kind {
            counts.add(kind, 1);
        }
    }

    pub(super) fn write<W: Write>(&self, writer: &mut Writer<W>) -> io::Result<()> {
        for entry in entries(&self.entry) {
            writer.put(&entry.map_err(io::Error::other)?)?;
        }
        Ok(())
    }
}
