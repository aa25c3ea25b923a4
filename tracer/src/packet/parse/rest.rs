//! What is left of a frame while its headers are read.

use super::NotSegment;

/// Bytes not read yet, and how many there should be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest<'a> {
    /// What was captured.
    bytes: &'a [u8],
    /// What the layer below says was there, captured or not.
    promised: usize,
}

impl<'a> Rest<'a> {
    pub(super) fn of(bytes: &'a [u8], original: u32) -> Self {
        let original = usize::try_from(original).unwrap_or(usize::MAX);
        Self {
            bytes,
            promised: original.max(bytes.len()),
        }
    }

    /// Bytes there were on the wire.
    pub(super) const fn promised(self) -> usize {
        self.promised
    }

    /// Bytes that were captured.
    pub(super) const fn captured(self) -> &'a [u8] {
        self.bytes
    }

    /// The same place, by the word of a header that knows the length better.
    pub(super) fn promising(self, promised: usize) -> Self {
        let bytes = self.bytes.get(..promised).unwrap_or(self.bytes);
        Self { bytes, promised }
    }

    /// The next `N` bytes and what follows them.
    pub(super) fn take<const N: usize>(self) -> Result<(&'a [u8; N], Self), NotSegment> {
        let (head, bytes) = self
            .bytes
            .split_first_chunk()
            .ok_or_else(|| self.lacking(N))?;
        let promised = self.promised.saturating_sub(N);
        Ok((head, Self { bytes, promised }))
    }

    /// What follows the next `count` bytes.
    pub(super) fn skip(self, count: usize) -> Result<Self, NotSegment> {
        let bytes = self.bytes.get(count..).ok_or_else(|| self.lacking(count))?;
        let promised = self.promised.saturating_sub(count);
        Ok(Self { bytes, promised })
    }

    /// Why `wanted` bytes are not here: they were not captured, or there never were so many.
    const fn lacking(self, wanted: usize) -> NotSegment {
        if wanted > self.promised {
            NotSegment::Malformed
        } else {
            NotSegment::Truncated
        }
    }
}
