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
mod special;
#[cfg(test)]
mod tests;

use members::Members;
use special::has_special;

/// Appends a value to `bytes`.
///
/// # Errors
///
/// The value has no shape in JSON, or says itself that it has none; what was appended is no JSON then.
pub(in crate::render) fn append(bytes: &mut Vec<u8>, value: &impl Serialize) -> Result<(), Error> {
    value.serialize(&mut Writer(bytes))
}

/// Appends two objects as one: the members of the first, then those of the second.
///
/// # Errors
///
/// As [`append`]; or one of them is no object.
pub(in crate::render) fn append_joined(
    bytes: &mut Vec<u8>,
    first: &impl Serialize,
    second: &impl Serialize,
) -> Result<(), Error> {
    append(bytes, first)?;
    let first = bytes.pop();
    let seam = bytes.len();
    append(bytes, second)?;
    match (first, bytes.get(seam..)) {
        (Some(b'}'), Some(b"{}")) => drop(bytes.remove(seam)),
        (Some(b'}'), Some([b'{', ..])) => {
            let open = bytes.get(seam.wrapping_sub(1)) == Some(&b'{');
            if open {
                bytes.remove(seam);
            } else if let Some(seam) = bytes.get_mut(seam) {
                *seam = b',';
            }
        }
        _ => return Err(Error::custom("what is joined must be objects")),
    }
    Ok(())
}

/// Writes two objects as one line; `bytes` lends its memory.
///
/// # Errors
///
/// Those of `out`, and of [`append_joined`].
pub(in crate::render) fn write_line(
    bytes: &mut Vec<u8>,
    first: &impl Serialize,
    second: &impl Serialize,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    bytes.clear();
    append_joined(bytes, first, second)?;
    bytes.push(b'\n');
    out.write_all(bytes)
}

/// Where the bytes go.
struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    #[inline(always)]
    fn number(&mut self, number: impl itoa::Integer) {
        self.put(itoa::Buffer::new().format(number).as_bytes());
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
            self.put(bytes);
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
            _ => self.0.push(byte),
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
        serde_json::to_writer(&mut *self.0, &number)
    }

    fn serialize_f64(self, number: f64) -> Result<(), Error> {
        serde_json::to_writer(&mut *self.0, &number)
    }

    fn serialize_char(self, it: char) -> Result<(), Error> {
        self.serialize_str(it.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.0.push(b'"');
        self.text(text);
        self.0.push(b'"');
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
        self.serialize_str(variant)
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
        self.0.push(b'"');
        write!(Displayed(&mut *self), "{value}").map_err(Error::custom)?;
        self.0.push(b'"');
        Ok(())
    }
}
