//! Writes a recording.

use std::io::{self, Write};

use super::{CHUNK, CHUNK_HEAD, Entry, MAGIC, Medium, VERSION, framed::append};

/// How hard zstd tries: its fastest usual level, for whoever records has other things to do.
const LEVEL: i32 = 1;

/// A recording under way.
///
/// Entries are gathered into chunks; dropping a writer loses the last, unfinished one.
pub struct Writer<W: Write> {
    out: zstd::Encoder<'static, W>,
    /// The head of a chunk, to be filled in, and its entries.
    chunk: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a recording.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        out.write_all(&[0; 2])?;
        let mut out = zstd::Encoder::new(out, LEVEL)?;
        out.include_checksum(true)?;
        let mut chunk = Vec::with_capacity(2 * CHUNK);
        chunk.resize(CHUNK_HEAD, 0);
        Ok(Self { out, chunk })
    }

    /// Adds an entry; it leaves with its chunk.
    ///
    /// # Errors
    ///
    /// Those of `out`, after which the recording ends where it is; `InvalidData` for a payload that
    /// is longer than a reader takes, which is left out.
    pub fn put(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        append(&mut self.chunk, entry)?;
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(())
    }

    /// Sends what was gathered on its way; a file that is cut later has it.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn flush(&mut self) -> io::Result<()> {
        let (head, entries) = self.chunk.split_at_mut(CHUNK_HEAD);
        if entries.is_empty() {
            return Ok(());
        }
        let length = u32::try_from(entries.len()).map_err(io::Error::other)?;
        let check = crc32fast::hash(entries);
        let fields = [length, check].map(u32::to_le_bytes);
        head.copy_from_slice(fields.as_flattened());
        self.out.write_all(&self.chunk)?;
        self.chunk.truncate(CHUNK_HEAD);
        self.out.flush()
    }

    /// Ends the recording.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        let mut out = self.out.finish()?;
        out.flush()?;
        Ok(out)
    }
}

impl<W: Write> Medium for Writer<W> {
    fn put(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        Self::put(self, entry)
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::flush(self)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        Self::finish(*self).map(drop)
    }
}
