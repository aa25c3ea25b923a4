//! Bytes, put into room that is made ahead.

use std::fmt;

use super::{short::copy, special::has_special};

/// Where the bytes go: into room that is made ahead, over what was there before.
pub(super) struct Writer<'a> {
    pub(super) bytes: &'a mut Vec<u8>,
    /// Where the next one goes.
    pub(super) at: usize,
}

impl Writer<'_> {
    /// Room made at least, as much as most lines take.
    const ROOM: usize = 4096;

    #[inline(always)]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if let Some(room) = self.bytes.get_mut(self.at..end) {
            room.copy_from_slice(bytes);
            self.at = end;
        } else {
            self.put_after_room(bytes);
        }
    }

    /// As [`put`](Self::put), for bytes of which only the running program knows how many.
    #[inline(always)]
    pub(super) fn put_some(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if let Some(room) = self.bytes.get_mut(self.at..end) {
            copy(bytes, room);
            self.at = end;
        } else {
            self.put_after_room(bytes);
        }
    }

    #[cold]
    #[inline(never)]
    fn put_after_room(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        let room = (self.bytes.len() * 2).max(end + Self::ROOM);
        self.bytes.resize(room, 0);
        if let Some(room) = self.bytes.get_mut(self.at..end) {
            room.copy_from_slice(bytes);
            self.at = end;
        }
    }

    /// The name of a member, with what is before and behind it, in one go.
    #[inline(always)]
    pub(super) fn key(&mut self, key: &'static str, first: bool) {
        let before: &[u8] = if first { b"\"" } else { b",\"" };
        let end = self.at + before.len() + key.len() + 2;
        let room = self.bytes.get_mut(self.at..end);
        let room = room.and_then(|room| room.split_at_mut_checked(before.len()));
        if let Some((begin, room)) = room
            && let Some((name, behind)) = room.split_at_mut_checked(key.len())
        {
            begin.copy_from_slice(before);
            name.copy_from_slice(key.as_bytes());
            behind.copy_from_slice(b"\":");
            self.at = end;
        } else {
            self.put(before);
            self.put(key.as_bytes());
            self.put(b"\":");
        }
    }

    #[inline(always)]
    pub(super) fn push(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    /// Takes the last byte back.
    pub(super) fn pop(&mut self) -> Option<u8> {
        self.at = self.at.checked_sub(1)?;
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    pub(super) fn number(&mut self, number: impl itoa::Integer) {
        self.put_some(itoa::Buffer::new().format(number).as_bytes());
    }

    /// A string that needs no look: the project's own.
    #[inline(always)]
    pub(super) fn own(&mut self, text: &'static str) {
        self.push(b'"');
        self.put_some(text.as_bytes());
        self.push(b'"');
    }

    /// The inside of a string.
    #[inline(never)]
    pub(super) fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        if has_special(bytes) {
            for &byte in bytes {
                self.escaped(byte);
            }
        } else {
            self.put_some(bytes);
        }
    }

    /// RFC 8259, section 7: only what must be escaped is.
    #[cold]
    fn escaped(&mut self, byte: u8) {
        match byte {
            b'"' => self.put(b"\\\""),
            b'\\' => self.put(b"\\\\"),
            0x08 => self.put(b"\\b"),
            0x09 => self.put(b"\\t"),
            0x0a => self.put(b"\\n"),
            0x0c => self.put(b"\\f"),
            0x0d => self.put(b"\\r"),
            0..0x20 => self.put(format!("\\u{byte:04x}").as_bytes()),
            _ => self.push(byte),
        }
    }
}

/// What is displayed, as the inside of a string.
pub(super) struct Displayed<'a, 'b>(pub(super) &'a mut Writer<'b>);

impl fmt::Write for Displayed<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.text(text);
        Ok(())
    }
}
