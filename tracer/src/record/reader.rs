//! Reads a recording: whole chunks that their checksums vouch for, and how far they go.

use std::io::{self, BufRead, BufReader, Read};

use super::{
    CHUNK, CHUNK_HEAD, ENTRY_HEAD, Entry, MAGIC, PAYLOAD, PayloadError, VERSION, WINDOW_LOG,
};

/// Why a recording cannot be read, or not on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file begins otherwise.
    #[error("this is no recording of finrst: it begins otherwise, or is cut before byte 12")]
    NotARecording,
    /// The file is of another format than this build reads.
    #[error("the recording has format {found}, and this finrst reads format {VERSION}")]
    Version {
        /// The format.
        found: u16,
    },
    /// The file contradicts its checksums or itself; what was handed out before is sound.
    #[error("the recording is damaged around byte {offset}: {what}")]
    Damaged {
        /// Bytes of the file that were taken in.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// A payload of a known kind has another shape.
    #[error("the recording is damaged or of another build, before byte {offset}")]
    Payload {
        /// Bytes of the file that were taken in.
        offset: u64,
        /// What is wrong.
        #[source]
        source: PayloadError,
    },
    /// The file cannot be read.
    #[error("cannot read the recording")]
    Io(#[source] io::Error),
}

/// Where a recording stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Where the run did.
    Whole,
    /// In the middle: whoever wrote it was killed, or the file was cut.
    Cut {
        /// Bytes of the file.
        offset: u64,
    },
}

/// A recording being read.
///
/// Memory is bounded whatever the file says: one chunk, and the decompressor's window.
pub struct Reader<R: Read> {
    bytes: zstd::Decoder<'static, Counted<BufReader<R>>>,
    /// The entries of the chunk at hand.
    chunk: Vec<u8>,
    /// Where the next entry in it begins.
    at: usize,
    /// Whether the entry that ends a run was met.
    ended: bool,
    skipped: u64,
    stop: Option<Stop>,
}

impl<R: Read> Reader<R> {
    /// Begins to read.
    ///
    /// # Errors
    ///
    /// It is no recording, or none that this build reads.
    pub fn new(file: R) -> Result<Self, ReadError> {
        let mut file = Counted {
            inner: BufReader::with_capacity(CHUNK, file),
            taken: 0,
        };
        let mut head = [0; 12];
        let filled = fill(&mut file, &mut head).map_err(ReadError::Io)?;
        let (magic, version) = head.split_at(MAGIC.len());
        if filled < head.len() || magic != MAGIC {
            return Err(ReadError::NotARecording);
        }
        if let &[low, high, ..] = version {
            let found = u16::from_le_bytes([low, high]);
            if found != VERSION {
                return Err(ReadError::Version { found });
            }
        }
        let mut bytes = zstd::Decoder::with_buffer(file).map_err(ReadError::Io)?;
        bytes.window_log_max(WINDOW_LOG).map_err(ReadError::Io)?;
        Ok(Self {
            bytes,
            chunk: Vec::new(),
            at: 0,
            ended: false,
            skipped: 0,
            stop: None,
        })
    }

    /// The next entry of a kind this build knows; `None` where the recording stops.
    ///
    /// # Errors
    ///
    /// The file is damaged or unreadable from here on; reading on is to no purpose.
    pub fn entry(&mut self) -> Result<Option<Entry<'_>>, ReadError> {
        loop {
            if self.at == self.chunk.len() && !self.next_chunk()? {
                return Ok(None);
            }
            let (kind, begin, end) = self.bounds()?;
            self.at = end;
            if Entry::knows(kind) {
                return self.read_entry(kind, begin, end);
            }
            self.skipped += 1;
        }
    }

    /// Entries of kinds this build does not know so far.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Where the recording stops; `None` before that is known.
    #[must_use]
    pub const fn stop(&self) -> Option<Stop> {
        self.stop
    }

    /// Bytes of the file taken in so far.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.bytes.get_ref().taken
    }

    /// Reads the payload of an entry that lies within the chunk.
    fn read_entry(
        &mut self,
        kind: u16,
        begin: usize,
        end: usize,
    ) -> Result<Option<Entry<'_>>, ReadError> {
        let offset = self.offset();
        let payload = self.chunk.get(begin..end).unwrap_or_default();
        let entry =
            Entry::read(kind, payload).map_err(|source| ReadError::Payload { offset, source })?;
        self.ended |= matches!(entry, Entry::End { .. });
        Ok(Some(entry))
    }

    /// The kind of the entry at hand, and where its payload begins and ends.
    fn bounds(&self) -> Result<(u16, usize, usize), ReadError> {
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        let head = rest.first_chunk::<ENTRY_HEAD>();
        let bounds = head.and_then(|&[k0, k1, s0, s1, s2, s3]| {
            let size = usize::try_from(u32::from_le_bytes([s0, s1, s2, s3])).ok()?;
            let begin = self.at + ENTRY_HEAD;
            let end = begin.checked_add(size)?;
            (end <= self.chunk.len()).then_some((u16::from_le_bytes([k0, k1]), begin, end))
        });
        bounds.ok_or_else(|| self.damaged("an entry is longer than its chunk"))
    }

    /// Takes the next chunk in; false where the recording stops.
    fn next_chunk(&mut self) -> Result<bool, ReadError> {
        if self.stop.is_some() {
            return Ok(false);
        }
        self.at = 0;
        self.chunk.clear();
        let mut head = [0; CHUNK_HEAD];
        let filled = fill(&mut self.bytes, &mut head).map_err(|error| self.refused(error))?;
        if filled < CHUNK_HEAD {
            self.stop = Some(if self.ended && filled == 0 {
                Stop::Whole
            } else {
                self.cut()
            });
            return Ok(false);
        }
        if self.ended {
            return Err(self.damaged("it goes on after its end"));
        }
        let [l0, l1, l2, l3, c0, c1, c2, c3] = head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        let most = u32::try_from(CHUNK + ENTRY_HEAD + PAYLOAD).unwrap_or(u32::MAX);
        if !(1..=most).contains(&length) {
            return Err(self.damaged("a chunk of impossible length"));
        }
        // Memory follows what is there, not what the length promises.
        let read = Read::take(&mut self.bytes, length.into()).read_to_end(&mut self.chunk);
        if let Err(error) = read
            && error.kind() != io::ErrorKind::UnexpectedEof
        {
            self.chunk.clear();
            return Err(self.refused(error));
        }
        if u32::try_from(self.chunk.len()) != Ok(length) {
            self.chunk.clear();
            self.stop = Some(self.cut());
            return Ok(false);
        }
        if crc32fast::hash(&self.chunk) != u32::from_le_bytes([c0, c1, c2, c3]) {
            self.chunk.clear();
            return Err(self.damaged("a chunk does not have its checksum"));
        }
        Ok(true)
    }

    fn cut(&self) -> Stop {
        Stop::Cut {
            offset: self.offset(),
        }
    }

    fn damaged(&self, what: &str) -> ReadError {
        ReadError::Damaged {
            offset: self.offset(),
            what: what.to_owned(),
        }
    }

    /// What an error of the decompressor means: the file's own have a number, zstd's have none.
    fn refused(&self, error: io::Error) -> ReadError {
        if error.raw_os_error().is_some() {
            ReadError::Io(error)
        } else {
            self.damaged(&error.to_string())
        }
    }
}

/// Fills `into` as far as there are bytes: less where the file or its stream breaks off.
fn fill(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A file that counts the bytes taken from it.
struct Counted<R> {
    inner: R,
    taken: u64,
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.taken += u64::try_from(bytes).unwrap_or(0);
        self.inner.consume(bytes);
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.inner.read(into)?;
        self.taken += u64::try_from(bytes).unwrap_or(0);
        Ok(bytes)
    }
}
