//! Values as JSON, into memory: the same bytes `serde_json` writes, for a third of the instructions.
//!
//! Everything small is inlined by force: a name and a value are then moved as constants, where a call
//! would copy them by the byte.
//!
//! Names of fields are the project's own and need no look for what must be escaped; text is looked at
//! in one go. Numbers with a point are left to `serde_json`.

use std::fmt::{self, Write as _};

use serde::{
    Serialize,
    ser::{Error as _, Impossible, SerializeStruct as _, Serializer},
};
use serde_json::Error;

mod line;
mod members;
mod room;
mod short;
mod special;
#[cfg(test)]
mod tests;

pub(in crate::render) use line::Line;
use members::Members;
use room::{Displayed, Writer};

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
