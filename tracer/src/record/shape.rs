//! The JSON of payloads: shapes of this room, so that the model is free to change.
//!
//! Members may be added; a reader passes over those it does not know.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Answer;
use crate::model::{clock::Sample, foreign::Foreign, time::MonoNs};

pub(super) mod account;
pub(super) mod holder;
pub(super) mod process;
pub(super) mod segment;
pub(super) mod socket;
pub(super) mod stack;

/// A value that this build has no meaning for.
#[derive(Debug, thiserror::Error)]
#[error("{value:?} is no {what}")]
pub(super) struct Unknown {
    what: &'static str,
    value: String,
}

impl Unknown {
    pub(super) fn new(what: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        Self {
            what,
            value: value.to_string(),
        }
    }
}

/// Bytes of any content: text where they are UTF-8, else hexadecimal digits.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Bytes<'a> {
    Text(Cow<'a, str>),
    Hex { hex: String },
}

impl<'a> Bytes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        if let Ok(text) = str::from_utf8(bytes) {
            return Self::Text(text.into());
        }
        let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
        Self::Hex { hex: hex.collect() }
    }

    pub(super) fn bytes(&self) -> Result<Cow<'_, [u8]>, Unknown> {
        let hex = match self {
            Self::Text(text) => return Ok(text.as_bytes().into()),
            Self::Hex { hex } => hex,
        };
        let digits = hex.as_bytes().chunks(2);
        let byte = |digits: &[u8]| {
            let text = str::from_utf8(digits).ok()?;
            u8::from_str_radix(text, 16).ok()
        };
        let bytes: Option<Vec<u8>> = digits.map(byte).collect();
        let bytes = bytes.ok_or_else(|| Unknown::new("hexadecimal number", hex))?;
        Ok(bytes.into())
    }

    pub(super) fn foreign(&self) -> Result<Foreign, Unknown> {
        Ok(Foreign::from(&*self.bytes()?))
    }
}

impl<'a> From<&'a Foreign> for Bytes<'a> {
    fn from(foreign: &'a Foreign) -> Self {
        Self::new(foreign.bytes())
    }
}

/// A sample of the clocks.
#[expect(clippy::struct_field_names, reason = "they are members of the file")]
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Clock {
    offset_ns: i128,
    #[serde(default)]
    at_ns: u64,
    #[serde(default)]
    error_ns: u64,
    #[serde(default)]
    slept_ns: i128,
}

impl Clock {
    pub(super) const fn new(sample: &Sample) -> Self {
        Self {
            offset_ns: sample.offset_ns,
            at_ns: sample.at.0,
            error_ns: sample.error_ns,
            slept_ns: sample.slept_ns,
        }
    }

    pub(super) const fn sample(&self) -> Sample {
        Sample {
            at: MonoNs(self.at_ns),
            offset_ns: self.offset_ns,
            error_ns: self.error_ns,
            slept_ns: self.slept_ns,
        }
    }
}

/// The end of a run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct End<'a> {
    pub(super) how: Cow<'a, str>,
}

/// The name of a network namespace.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Netns<'a> {
    inode: u32,
    name: Option<Bytes<'a>>,
}

impl<'a> Netns<'a> {
    pub(super) fn new(inode: u32, name: Option<&'a Foreign>) -> Self {
        Self {
            inode,
            name: name.map(Bytes::from),
        }
    }

    pub(super) fn answer(&self) -> Result<Answer, Unknown> {
        Ok(Answer::Netns {
            inode: self.inode,
            name: self.name.as_ref().map(Bytes::foreign).transpose()?,
        })
    }
}
