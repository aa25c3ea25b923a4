//! Arrays and objects, member by member.

use serde::{
    Serialize,
    ser::{
        Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple,
        SerializeTupleStruct,
    },
};
use serde_json::Error;

use super::Writer;

/// An array or an object under construction.
pub(super) struct Members<'a, 'b> {
    writer: &'a mut Writer<'b>,
    empty: bool,
    close: u8,
}

impl<'a, 'b> Members<'a, 'b> {
    #[inline(always)]
    pub(super) fn open(writer: &'a mut Writer<'b>, brackets: [u8; 2]) -> Self {
        let [open, close] = brackets;
        writer.push(open);
        Self {
            writer,
            empty: true,
            close,
        }
    }

    #[inline(always)]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if !std::mem::replace(&mut self.empty, false) {
            self.writer.push(b',');
        }
        value.serialize(&mut *self.writer)
    }

    #[inline(always)]
    pub(super) fn shut(self) {
        self.writer.push(self.close);
    }
}

/// The items of arrays, by whatever name.
macro_rules! array {
    ($kind:ident, $item:ident) => {
        impl $kind for Members<'_, '_> {
            type Ok = ();
            type Error = Error;

            #[inline(always)]
            fn $item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.item(value)
            }

            #[inline(always)]
            fn end(self) -> Result<(), Error> {
                self.shut();
                Ok(())
            }
        }
    };
}

array!(SerializeSeq, serialize_element);
array!(SerializeTuple, serialize_element);
array!(SerializeTupleStruct, serialize_field);

impl SerializeStruct for Members<'_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let first = std::mem::replace(&mut self.empty, false);
        self.writer.key(key, first);
        value.serialize(&mut *self.writer)
    }

    #[inline(always)]
    fn end(self) -> Result<(), Error> {
        self.shut();
        Ok(())
    }
}

impl SerializeMap for Members<'_, '_> {
    type Ok = ();
    type Error = Error;

    #[inline(always)]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let before = self.writer.at + usize::from(!self.empty);
        self.item(key)?;
        if self.writer.bytes.get(before) != Some(&b'"') {
            return Err(Error::custom("a key must be a string"));
        }
        self.writer.push(b':');
        Ok(())
    }

    #[inline(always)]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self.writer)
    }

    #[inline(always)]
    fn end(self) -> Result<(), Error> {
        self.shut();
        Ok(())
    }
}
