//! The strings of a line: what is displayed, names others chose, words and numbers of our own.

use std::{fmt::Display, num::NonZeroU64};

use serde::{Serialize, Serializer};

use crate::{
    model::{ending::EndId, foreign::Foreign, process::Comm},
    render::words,
};

/// A string that is written as it is displayed, without being built first.
pub(in crate::render) struct Text<D>(pub(in crate::render) D);

impl<D: Display> Serialize for Text<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A name others chose, escaped; most have nothing to escape.
pub(super) struct Name<T>(pub(super) T);

impl Serialize for Name<&Foreign> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.plain() {
            Some(text) => serializer.serialize_str(text),
            None => serializer.collect_str(self.0),
        }
    }
}

impl Serialize for Name<Comm> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.plain() {
            Some(text) => serializer.serialize_str(text),
            None => serializer.collect_str(&self.0),
        }
    }
}

/// What a connection goes by.
pub(super) struct Id(pub(super) EndId);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(id) = self;
        if let Some(short) = words::short_id(id.socket, id.first_seen) {
            return serializer.serialize_str(short.as_str());
        }
        serializer.collect_str(&words::connection_id(id.socket, id.flow, id.first_seen))
    }
}

/// A word of the project's own, which needs no look for what must be escaped.
pub(super) struct Word(pub(super) &'static str);

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // As the name of a variant, which a serializer may write as it is.
        serializer.serialize_unit_variant("", 0, self.0)
    }
}

/// A cookie: a string, because JSON's numbers end at 2^53 for many readers.
pub(super) struct Hex(pub(super) NonZeroU64);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = words::Digits::new();
        text.hexadecimal(self.0.get());
        serializer.serialize_str(text.as_str())
    }
}
