//! The header of BTF: where its sections are.

use std::ops::Range;

use super::{bytes, error::BtfError};

const MAGIC: u16 = 0xeb9f;
const VERSION: u8 = 1;
/// Bytes up to and including `str_len`; the layout section's two words came later.
const OLDEST: usize = 24;
/// Bytes up to and including `layout_len`.
const WITH_LAYOUT: usize = 32;
/// Bytes of one `struct btf_layout`.
const LAYOUT: usize = 4;

/// The sections, as ranges of the whole buffer that are known to lie inside it.
#[derive(Clone, Debug)]
pub(super) struct Header {
    /// The type records.
    pub(super) types: Range<usize>,
    /// The names, NUL-terminated; the first and the last byte are NUL.
    pub(super) strings: Range<usize>,
    /// One `struct btf_layout` a kind; empty where the header is of the older form.
    layouts: Range<usize>,
}

impl Header {
    /// Checks the header against the buffer it heads.
    pub(super) fn parse(buffer: &[u8]) -> Result<Self, BtfError> {
        let magic = bytes::u16_at(buffer, 0, "the magic number")?;
        if magic == MAGIC.swap_bytes() {
            return Err(BtfError::ByteOrder);
        }
        if magic != MAGIC {
            return Err(BtfError::Magic { found: magic });
        }
        let version = bytes::u8_at(buffer, 2, "the version")?;
        if version != VERSION {
            return Err(BtfError::Version { found: version });
        }
        let length = bytes::index(bytes::u32_at(buffer, 4, "the header's length")?);
        if length < OLDEST || buffer.len() < length {
            return Err(BtfError::Truncated {
                what: "the header",
                offset: 0,
                length: length.max(OLDEST),
            });
        }
        let types = section(buffer, length, 8, "the type section")?;
        let strings = section(buffer, length, 16, "the string section")?;
        let layouts = if length >= WITH_LAYOUT {
            section(buffer, length, 24, "the layout section")?
        } else {
            0..0
        };
        let text = buffer.get(strings.clone()).unwrap_or_default();
        if text.first() != Some(&0) || text.last() != Some(&0) {
            return Err(BtfError::Strings {
                offset: strings.start,
            });
        }
        Ok(Self {
            types,
            strings,
            layouts,
        })
    }

    /// Bytes a record of the kind has once and per element, where the BTF says so itself.
    pub(super) fn layout(&self, buffer: &[u8], kind: u8) -> Option<(usize, usize)> {
        // Kind 0 is the void type, which has no record.
        if kind == 0 {
            return None;
        }
        let at = LAYOUT * usize::from(kind);
        match buffer.get(self.layouts.clone())?.get(at..at + LAYOUT)? {
            &[once, each, ..] => Some((once.into(), each.into())),
            _ => None,
        }
    }
}

/// The oldest form of a header, before sections of so many bytes of types and, behind them, strings.
pub(super) fn header(types: usize, strings: usize) -> Vec<u8> {
    let word = |value: usize| u32::try_from(value).unwrap_or(u32::MAX).to_ne_bytes();
    let mut header = Vec::with_capacity(OLDEST);
    header.extend_from_slice(&MAGIC.to_ne_bytes());
    header.extend_from_slice(&[VERSION, 0]);
    for field in [OLDEST, 0, types, types, strings] {
        header.extend_from_slice(&word(field));
    }
    header
}

/// The section whose offset and length stand at `field`; both count from the header's end.
fn section(
    buffer: &[u8],
    header: usize,
    field: usize,
    what: &'static str,
) -> Result<Range<usize>, BtfError> {
    let offset = header.saturating_add(bytes::index(bytes::u32_at(buffer, field, what)?));
    let length = bytes::index(bytes::u32_at(buffer, field + 4, what)?);
    match offset.checked_add(length) {
        Some(end) if end <= buffer.len() => Ok(offset..end),
        _ => Err(BtfError::Truncated {
            what,
            offset,
            length,
        }),
    }
}
