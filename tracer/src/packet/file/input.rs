//! A stream read piece by piece, with the place in it.

use std::io::{self, BufReader, Chain, Cursor, Read};

use super::error::FileError;

/// What is read from the system at once.
const AT_ONCE: usize = 64 * 1024;

/// A packet, or a block with one, of more bytes is damage: no tool writes such (libpcap's limit).
pub(super) const LARGEST: u32 = 16 * 1024 * 1024;

/// The stream, and the piece of it that was read last.
pub(super) struct Input<R> {
    /// The first bytes stand before the rest again once they were looked at.
    reader: Chain<Cursor<Vec<u8>>, BufReader<R>>,
    buffer: Vec<u8>,
    offset: u64,
}

impl<R: Read> Input<R> {
    /// The stream, and the four bytes it begins with, which are read again.
    pub(super) fn open(reader: R) -> Result<(Self, [u8; 4]), FileError> {
        let mut reader = BufReader::with_capacity(AT_ONCE, reader);
        let mut magic = Vec::new();
        let read = reader.by_ref().take(4).read_to_end(&mut magic);
        read.map_err(|source| FileError::Io { offset: 0, source })?;
        let Some(&first) = magic.first_chunk() else {
            return Err(FileError::NotACapture { magic });
        };
        let input = Self {
            reader: Cursor::new(magic).chain(reader),
            buffer: Vec::new(),
            offset: 0,
        };
        Ok((input, first))
    }

    /// Where the next piece starts.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// The piece read last.
    pub(super) fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// The next `N` bytes; `None` when the stream ends before the first of them.
    pub(super) fn head<const N: usize>(&mut self) -> Result<Option<[u8; N]>, FileError> {
        let offset = self.offset;
        let found = self.pull(N)?;
        match self.buffer.first_chunk() {
            Some(head) => Ok(Some(*head)),
            None if found == 0 => Ok(None),
            None => Err(FileError::Cut { offset }),
        }
    }

    /// Reads the next `count` bytes, at most `LARGEST`, into the buffer.
    pub(super) fn body(&mut self, count: u32) -> Result<(), FileError> {
        let offset = self.offset;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if self.pull(count)? < count {
            return Err(FileError::Cut { offset });
        }
        Ok(())
    }

    /// Passes over the next `count` bytes, however many.
    pub(super) fn pass(&mut self, count: u32) -> Result<(), FileError> {
        let offset = self.offset;
        let mut skipped = self.reader.by_ref().take(u64::from(count));
        let passed = io::copy(&mut skipped, &mut io::sink())
            .map_err(|source| FileError::Io { offset, source })?;
        self.offset = offset.saturating_add(passed);
        if passed < u64::from(count) {
            return Err(FileError::Cut { offset });
        }
        Ok(())
    }

    /// Reads up to `count` bytes into the buffer; fewer at the end of the stream only.
    fn pull(&mut self, count: usize) -> Result<usize, FileError> {
        self.buffer.clear();
        let offset = self.offset;
        let wanted = u64::try_from(count).unwrap_or(u64::MAX);
        let mut piece = self.reader.by_ref().take(wanted);
        let read = piece.read_to_end(&mut self.buffer);
        let found = read.map_err(|source| FileError::Io { offset, source })?;
        self.offset = offset.saturating_add(u64::try_from(found).unwrap_or(u64::MAX));
        Ok(found)
    }
}
