//! Values as JSON, into memory: the same bytes `serde_json` writes, for a third of the instructions.
//!
//! Everything small is inlined by force: a name and a value are then moved as constants, where a call
//! would copy them by the byte.
//!
//! Names of fields are the project's own and need no look for what must be escaped; text is looked at
//! in one go. Numbers with a point are left to `serde_json`.

use std::{
    fmt::{self, Write as _},
    io,
};

use serde::{
    Serialize,
    ser::{Error as _, Impossible, SerializeStruct as _, Serializer},
};
use serde_json::Error;

mod members;
mod short;
mod special;
#[cfg(test)]
mod tests;

use members::Members;
use short::copy;
use special::has_special;

/// One line under construction, its memory used again for the next.
#[derive(Default)]
pub(in crate::render) struct Line(Vec<u8>);

impl Line {
    /// Two objects as one: the members of the first, then those of the second.
    ///
    /// # Errors
    ///
    /// One of them has no shape in JSON, says itself that it has none, or is no object.
    pub(in crate::render) fn joined(
        &mut self,
        first: &impl Serialize,
        second: &impl Serialize,
    ) -> Result<&[u8], Error> {
        self.fill(|writer| join(writer, first, second))
    }

    /// Writes two objects as one line.
    ///
    /// # Errors
    ///
    /// Those of `out`, and of [`joined`](Self::joined).
    pub(in crate::render) fn write(
        &mut self,
        first: &impl Serialize,
        second: &impl Serialize,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        out.write_all(self.fill(|writer| {
            join(writer, first, second)?;
            writer.push(b'\n');
            Ok(())
        })?)
    }

    fn fill(
        &mut self,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>,
    ) -> Result<&[u8], Error> {
        let mut writer = Writer {
            bytes: &mut self.0,
            at: 0,
        };
        write(&mut writer)?;
        let end = writer.at;
        Ok(self.0.get(..end).unwrap_or_default())
    }
}

fn join(
    writer: &mut Writer<'_>,
    first: &impl Serialize,
    second: &impl Serialize,
) -> Result<(), Error> {
    first.serialize(&mut *writer)?;
    let first = writer.pop();
    let seam = writer.at;
    second.serialize(&mut *writer)?;
    let empty = writer.at == seam + 2;
    match (first, writer.bytes.get_mut(..=seam)) {
        (Some(b'}'), Some([.., before, open @ b'{'])) => {
            if empty {
                *open = b'}';
                writer.at = seam + 1;
            } else if *before == b'{' {
                writer.bytes.copy_within(seam + 1..writer.at, seam);
                writer.at -= 1;
            } else {
                *open = b',';
            }
            Ok(())
        }
        _ => Err(Error::custom("what is joined must be objects")),
    }
}

/// Where the bytes go: into room that is made ahead, over what was there before.
struct Writer<'a> {
    bytes: &'a mut Vec<u8>,
    /// Where the next one goes.
    at: usize,
}

impl Writer<'_> {
    /// Room made at least, as much as most lines take.
    const ROOM: usize = 4096;

    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
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
    fn put_some(&mut self, bytes: &[u8]) {
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
    fn key(&mut self, key: &'static str, first: bool) {
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
            self.put_after_room(before);
            self.put_after_room(key.as_bytes());
            self.put_after_room(b"\":");
        }
    }

    #[inline(always)]
    fn push(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    /// Takes the last byte back.
    fn pop(&mut self) -> Option<u8> {
        self.at = self.at.checked_sub(1)?;
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    fn number(&mut self, number: impl itoa::Integer) {
        self.put_some(itoa::Buffer::new().format(number).as_bytes());
    }

    /// A string that needs no look: the project's own.
    #[inline(always)]
    fn own(&mut self, text: &'static str) {
        self.push(b'"');
        self.put_some(text.as_bytes());
        self.push(b'"');
    }

    /// The inside of a string.
    #[inline(never)]
    fn text(&mut self, text: &str) {
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
struct Displayed<'a, 'b>(&'a mut Writer<'b>);

impl fmt::Write for Displayed<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.text(text);
        Ok(())
    }
}

/// Methods for values that are written as they are displayed.
macro_rules! numbers {
    ($($method:ident: $number:ty),*) => {
        $(
            #[inline(always)]
            fn $method(self, number: $number) -> Result<(), Error> {
                self.number(number);
                Ok(())
            }
        )*
    };
}

impl<'a, 'b> Serializer for &'a mut Writer<'b> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Members<'a, 'b>;
    type SerializeTuple = Members<'a, 'b>;
    type SerializeTupleStruct = Members<'a, 'b>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Members<'a, 'b>;
    type SerializeStruct = Members<'a, 'b>;
    type SerializeStructVariant = Impossible<(), Error>;

    numbers!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64
    );

    #[inline(always)]
    fn serialize_bool(self, it: bool) -> Result<(), Error> {
        self.put(if it { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_f32(self, number: f32) -> Result<(), Error> {
        self.put(&serde_json::to_vec(&number)?);
        Ok(())
    }

    fn serialize_f64(self, number: f64) -> Result<(), Error> {
        self.put(&serde_json::to_vec(&number)?);
        Ok(())
    }

    fn serialize_char(self, it: char) -> Result<(), Error> {
        self.serialize_str(it.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.push(b'"');
        self.text(text);
        self.push(b'"');
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        self.collect_seq(bytes)
    }

    #[inline(always)]
    fn serialize_none(self) -> Result<(), Error> {
        self.put(b"null");
        Ok(())
    }

    #[inline(always)]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    #[inline(always)]
    fn serialize_unit(self) -> Result<(), Error> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        self.serialize_none()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.own(variant);
        Ok(())
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let mut only = self.serialize_struct(name, 1)?;
        only.serialize_field(variant, value)?;
        only.shut();
        Ok(())
    }

    #[inline(always)]
    fn serialize_seq(self, _length: Option<usize>) -> Result<Members<'a, 'b>, Error> {
        Ok(Members::open(self, *b"[]"))
    }

    #[inline(always)]
    fn serialize_tuple(self, _length: usize) -> Result<Members<'a, 'b>, Error> {
        Ok(Members::open(self, *b"[]"))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Members<'a, 'b>, Error> {
        Ok(Members::open(self, *b"[]"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Impossible<(), Error>, Error> {
        Err(Error::custom(variant))
    }

    #[inline(always)]
    fn serialize_map(self, _length: Option<usize>) -> Result<Members<'a, 'b>, Error> {
        Ok(Members::open(self, *b"{}"))
    }

    #[inline(always)]
    fn serialize_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Members<'a, 'b>, Error> {
        Ok(Members::open(self, *b"{}"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Impossible<(), Error>, Error> {
        Err(Error::custom(variant))
    }

    #[inline(always)]
    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.push(b'"');
        write!(Displayed(&mut *self), "{value}").map_err(Error::custom)?;
        self.push(b'"');
        Ok(())
    }
}
