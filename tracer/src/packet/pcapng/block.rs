//! One block being put together: numbers little-endian, everything on four bytes.

use std::io;

/// A block larger than this is refused by libpcap.
const LARGEST: usize = 16 * 1024 * 1024;

/// Type, length, body, length.
#[derive(Default)]
pub(super) struct Block {
    bytes: Vec<u8>,
    /// Options want an end of their own, once there is one.
    has_options: bool,
}

impl Block {
    pub(super) fn start(&mut self, kind: u32) {
        self.bytes.clear();
        self.has_options = false;
        self.u32(kind);
        // The length, known at the end.
        self.u32(0);
    }

    pub(super) fn u16(&mut self, number: u16) {
        self.bytes.extend(number.to_le_bytes());
    }

    pub(super) fn u32(&mut self, number: u32) {
        self.bytes.extend(number.to_le_bytes());
    }

    pub(super) fn u64(&mut self, number: u64) {
        self.bytes.extend(number.to_le_bytes());
    }

    /// A time stamp of nanoseconds since 1970.
    pub(super) fn time(&mut self, ns: i64) {
        self.bytes.extend(time(ns));
    }

    /// Bytes, filled up with zeros.
    pub(super) fn padded(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        let padded = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(padded, 0);
    }

    /// An entry of 65,535 bytes at most: what is longer is cut.
    pub(super) fn entry(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
        self.u16(code);
        self.u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        self.padded(value);
    }

    pub(super) fn option(&mut self, code: u16, value: &[u8]) {
        self.has_options = true;
        self.entry(code, value);
    }

    pub(super) fn text(&mut self, code: u16, text: Option<&str>) {
        if let Some(text) = text {
            let text = beginning(text, usize::from(u16::MAX));
            self.option(code, text.as_bytes());
        }
    }

    /// The whole block.
    ///
    /// # Errors
    ///
    /// It is longer than readers take.
    pub(super) fn end(&mut self) -> io::Result<&[u8]> {
        if self.has_options {
            self.u32(0);
        }
        let length = self.bytes.len() + 4;
        if length > LARGEST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a pcapng block of {length} bytes is more than readers take"),
            ));
        }
        let length = u32::try_from(length).map_err(io::Error::other)?;
        self.u32(length);
        for (to, from) in self.bytes.iter_mut().skip(4).zip(length.to_le_bytes()) {
            *to = from;
        }
        Ok(&self.bytes)
    }
}

/// A time stamp: the upper half goes before the lower whatever the byte order.
pub(super) fn time(ns: i64) -> [u8; 8] {
    u64::try_from(ns).unwrap_or(0).rotate_left(32).to_le_bytes()
}

/// The beginning of a text, of `limit` bytes at most and without half a letter.
pub(super) fn beginning(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}
