//! Reading a file by ranges, through a few cached pages.

use std::io;

use hashlink::LruCache;

use super::GoError;

/// Bytes of a page.
const PAGE: u64 = 4096;
/// Pages kept at most: one MiB.
const PAGES: usize = 256;
/// Bytes of a name or path at most; longer ones are cut.
const STRING: u64 = 4096;

/// Bytes of an executable, wherever they are.
pub trait Source: Send {
    /// Reads from an offset until `into` is full or the file ends; returns how much was read.
    ///
    /// # Errors
    ///
    /// Those of the file.
    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<usize>;
}

impl Source for std::sync::Arc<Vec<u8>> {
    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(at).unwrap_or(usize::MAX);
        let rest = self.get(from..).unwrap_or_default();
        let many = rest.len().min(into.len());
        for (to, from) in into.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(many)
    }
}

/// How an executable writes its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) big_endian: bool,
    /// Four or eight.
    pub(super) pointer: u8,
}

/// A source with a memory for pages.
pub(super) struct Reader {
    source: Box<dyn Source>,
    pages: LruCache<u64, Box<[u8]>>,
    pub(super) form: Form,
}

impl Reader {
    pub(super) fn new(source: Box<dyn Source>) -> Self {
        Self {
            source,
            pages: LruCache::new(PAGES),
            form: Form {
                big_endian: false,
                pointer: 8,
            },
        }
    }

    /// Fills `into`, not through the pages: for what is read once.
    pub(super) fn stream(&self, at: u64, into: &mut [u8]) -> Result<usize, GoError> {
        let mut done = 0;
        while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let from = at.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
            match self.source.read(from, rest) {
                Ok(0) => break,
                Ok(more) => done += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(GoError::Read { at: from, source }),
            }
        }
        Ok(done)
    }

    /// The cached rest of a page from `at` on; empty at the end of the file.
    fn page(&mut self, at: u64) -> Result<&[u8], GoError> {
        let number = at / PAGE;
        if !self.pages.contains_key(&number) {
            let mut page = vec![0; usize::try_from(PAGE).unwrap_or(0)];
            let many = self.stream(number * PAGE, &mut page)?;
            page.truncate(many);
            self.pages.insert(number, page.into_boxed_slice());
        }
        let page = self.pages.get(&number).map_or(&[][..], |page| &**page);
        let from = usize::try_from(at % PAGE).unwrap_or(usize::MAX);
        Ok(page.get(from..).unwrap_or_default())
    }

    /// Fills `into` or fails.
    fn fill(&mut self, at: u64, into: &mut [u8]) -> Result<(), GoError> {
        let len = u64::try_from(into.len()).unwrap_or(u64::MAX);
        let outside = GoError::Outside { at, len };
        if at.checked_add(len).is_none() {
            return Err(outside);
        }
        let (mut at, mut into) = (at, into);
        while !into.is_empty() {
            let page = self.page(at)?;
            let many = page.len().min(into.len());
            if many == 0 {
                return Err(outside);
            }
            let (now, later) = std::mem::take(&mut into).split_at_mut(many);
            now.copy_from_slice(page.get(..many).unwrap_or_default());
            into = later;
            at += u64::try_from(many).unwrap_or(0);
        }
        Ok(())
    }

    /// `N` bytes at an offset.
    pub(super) fn array<const N: usize>(&mut self, at: u64) -> Result<[u8; N], GoError> {
        let mut bytes = [0; N];
        self.fill(at, &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn u8(&mut self, at: u64) -> Result<u8, GoError> {
        self.array::<1>(at).map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self, at: u64) -> Result<u16, GoError> {
        let bytes = self.array(at)?;
        Ok(if self.form.big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        })
    }

    pub(super) fn u32(&mut self, at: u64) -> Result<u32, GoError> {
        let bytes = self.array(at)?;
        Ok(if self.form.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }

    pub(super) fn u64(&mut self, at: u64) -> Result<u64, GoError> {
        let bytes = self.array(at)?;
        Ok(if self.form.big_endian {
            u64::from_be_bytes(bytes)
        } else {
            u64::from_le_bytes(bytes)
        })
    }

    /// A number as wide as a pointer.
    pub(super) fn word(&mut self, at: u64) -> Result<u64, GoError> {
        if self.form.pointer == 4 {
            self.u32(at).map(u64::from)
        } else {
            self.u64(at)
        }
    }

    /// A number of seven bits a byte, and its length in bytes (`encoding/binary`, `Uvarint`).
    pub(super) fn varint(&mut self, at: u64) -> Result<(u32, u64), GoError> {
        let (mut value, mut len) = (0_u32, 0_u64);
        loop {
            let byte = self.u8(at.saturating_add(len))?;
            let bits = u32::from(byte & 0x7f);
            let shift = u32::try_from(len * 7).unwrap_or(u32::MAX);
            value |= bits.checked_shl(shift).unwrap_or(0);
            len += 1;
            if byte & 0x80 == 0 {
                return Ok((value, len));
            }
            if len >= 5 {
                let what = "a number of more than five bytes";
                return Err(GoError::Damaged { at, what });
            }
        }
    }

    /// Text that ends with a zero byte, or is cut at 4 KiB.
    pub(super) fn string(&mut self, at: u64) -> Result<String, GoError> {
        let (mut text, mut from) = (Vec::new(), at);
        while from.saturating_sub(at) < STRING {
            let page = self.page(from)?;
            if page.is_empty() {
                return Err(GoError::Outside { at: from, len: 1 });
            }
            let end = page.iter().position(|&byte| byte == 0);
            text.extend_from_slice(page.get(..end.unwrap_or(page.len())).unwrap_or_default());
            if end.is_some() {
                break;
            }
            from += u64::try_from(page.len()).unwrap_or(0);
        }
        text.truncate(usize::try_from(STRING).unwrap_or(0));
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
