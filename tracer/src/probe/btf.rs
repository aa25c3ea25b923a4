//! The kernel's own description of its types (BTF), walked over the raw bytes.
//!
//! Answers where a field is, what an enumeration's values are called and what a function takes.
//! Trusts nothing: every contradiction in the bytes is an error, none a panic, a loop or a flood.

use std::{fs::File, io::Read as _, path::Path};

mod bytes;
mod error;
mod field;
mod header;
mod kind;
mod names;
#[cfg(test)]
pub(super) mod tests;

pub use error::{BtfError, FieldError};
pub use field::{Member, Structure};
use header::Header;

/// Where the running kernel keeps its BTF.
pub const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// The most bytes read from a file: more than ten times what kernels have.
const LIMIT: u64 = 128 << 20;

/// The most modifiers and arrays around a type, as `MAX_RESOLVE_DEPTH` in `kernel/bpf/btf.c`.
const DEPTH: usize = 32;

/// The BTF of one kernel.
#[derive(Debug)]
pub struct Btf {
    buffer: Vec<u8>,
    header: Header,
    /// Where type `n + 1` starts; type 0 is `void` and has no record.
    starts: Vec<usize>,
    /// The kind of type `n + 1`, apart from `starts` so that a search by kind stays in the cache.
    kinds: Vec<u8>,
}

/// The fixed head of a type's record.
#[derive(Clone, Copy, Debug)]
struct Type {
    /// Where the record starts in the buffer.
    start: usize,
    /// Offset of the name in the string section; an empty string there for no name.
    name: u32,
    kind: u8,
    /// How many members, enumerators or parameters follow.
    elements: usize,
    /// What it means depends on the kind: bit fields in a structure, signs in an enumeration.
    flag: bool,
    /// Size in bytes or the type referred to, by kind.
    operand: u32,
}

impl Type {
    const fn is_aggregate(&self) -> bool {
        matches!(self.kind, kind::STRUCT | kind::UNION)
    }
}

impl Btf {
    /// Reads raw BTF from a file, such as [`VMLINUX`].
    ///
    /// # Errors
    ///
    /// When the file cannot be read or does not hold well-formed BTF; without BTF finrst does
    /// not know where the kernel keeps anything, so the caller gives up.
    pub fn read(path: &Path) -> Result<Self, BtfError> {
        let mut buffer = Vec::new();
        let read = File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut buffer));
        match read {
            Err(source) => Err(BtfError::Read {
                path: path.to_owned(),
                source,
            }),
            Ok(length) if u64::try_from(length).is_ok_and(|length| length <= LIMIT) => {
                Self::parse(buffer)
            }
            Ok(_) => Err(BtfError::TooLarge {
                path: path.to_owned(),
                limit: LIMIT,
            }),
        }
    }

    /// Takes raw BTF in this machine's byte order and finds where each type starts.
    ///
    /// # Errors
    ///
    /// When the sections or the records do not fit the buffer. References between types and to
    /// names are checked when they are followed.
    pub fn parse(buffer: Vec<u8>) -> Result<Self, BtfError> {
        let header = Header::parse(&buffer)?;
        // A kernel's records have 25 bytes on average; both lists stay smaller than the buffer.
        let expected = header.types.len() / 24;
        let mut starts = Vec::with_capacity(expected);
        let mut kinds = Vec::with_capacity(expected);
        let mut at = header.types.start;
        while at < header.types.end {
            let head = Type::at(&buffer, at)?;
            let tail = kind::tail(&buffer, &header, head.kind, head.elements, at)?;
            let length = kind::HEAD + tail;
            if length > header.types.end - at {
                return Err(BtfError::Truncated {
                    what: "a type",
                    offset: at,
                    length,
                });
            }
            starts.push(at);
            kinds.push(head.kind);
            at += length;
        }
        Ok(Self {
            buffer,
            header,
            starts,
            kinds,
        })
    }

    /// Raw BTF in which the functions and typedefs that are `wanted` by their names have their names and
    /// numbers, and all other types are place holders, as short as a record can be.
    #[must_use]
    pub fn skeleton(&self, wanted: impl Fn(&str) -> bool) -> Vec<u8> {
        let mut types = Vec::with_capacity(self.starts.len() * kind::HEAD);
        let mut strings = vec![0];
        for (&kind, &start) in self.kinds.iter().zip(&self.starts) {
            let kept = matches!(kind, kind::FUNCTION | kind::TYPEDEF)
                .then(|| Type::at(&self.buffer, start).ok())
                .flatten()
                .and_then(|found| self.text(found.name, start).ok().zip(Some(found.operand)))
                .filter(|&(name, _)| wanted(name));
            let Some((name, operand)) = kept else {
                types.extend_from_slice(&kind::head(0, kind::FORWARD, 0));
                continue;
            };
            let at = u32::try_from(strings.len()).unwrap_or(0);
            strings.extend_from_slice(name.as_bytes());
            strings.push(0);
            types.extend_from_slice(&kind::head(at, kind, operand));
        }
        let mut raw = header::header(types.len(), strings.len());
        raw.append(&mut types);
        raw.append(&mut strings);
        raw
    }

    /// The types of the kinds that go by the name; none for an empty name.
    fn named<'a>(&'a self, kinds: &'a [u8], name: &'a str) -> impl Iterator<Item = Type> + 'a {
        let findable = !name.is_empty() && !name.contains('\0');
        self.kinds
            .iter()
            .zip(&self.starts)
            .filter(move |&(kind, _)| findable && kinds.contains(kind))
            .filter_map(|(_, &start)| Type::at(&self.buffer, start).ok())
            .filter(move |found| self.is_named(found.name, name))
    }

    /// The type of the number, `None` for `void`; `from` is where the reference was met.
    fn resolve(&self, id: u32, from: usize) -> Result<Option<Type>, BtfError> {
        let Some(place) = bytes::index(id).checked_sub(1) else {
            return Ok(None);
        };
        match self.starts.get(place) {
            Some(&start) => Type::at(&self.buffer, start).map(Some),
            None => Err(BtfError::NoSuchType { id, offset: from }),
        }
    }

    /// The type of the number without the names and qualifiers around it.
    fn peel(&self, id: u32, from: usize) -> Result<Option<Type>, BtfError> {
        let mut at = self.resolve(id, from)?;
        for _ in 0..DEPTH {
            match at {
                Some(found) if kind::is_modifier(found.kind) => {
                    at = self.resolve(found.operand, found.start)?;
                }
                Some(_) | None => return Ok(at),
            }
        }
        Err(BtfError::TooDeep { offset: from })
    }

    /// Whether the string at the offset is exactly the name.
    fn is_named(&self, at: u32, name: &str) -> bool {
        let strings = self.buffer.get(self.header.strings.clone());
        strings
            .and_then(|strings| strings.get(bytes::index(at)..))
            .and_then(|rest| rest.strip_prefix(name.as_bytes()))
            .is_some_and(|rest| rest.first() == Some(&0))
    }

    /// The string at the offset; `from` is where the reference was met.
    fn text(&self, at: u32, from: usize) -> Result<&str, BtfError> {
        let bytes = self
            .buffer
            .get(self.header.strings.clone())
            .and_then(|strings| strings.get(bytes::index(at)..))
            .filter(|rest| !rest.is_empty())
            .and_then(|rest| rest.split(|&byte| byte == 0).next())
            .ok_or(BtfError::NameOutside {
                name: at,
                offset: from,
            })?;
        str::from_utf8(bytes).or(Err(BtfError::NameNotText { offset: from }))
    }
}

impl Type {
    /// Reads the head of the record at the offset.
    fn at(buffer: &[u8], start: usize) -> Result<Self, BtfError> {
        let word = |offset| bytes::u32_at(buffer, start + offset, "a type");
        let info = word(4)?;
        // Bits 16 to 23 and 29 to 30 were zero before they became part of these numbers.
        let [top, ..] = info.to_be_bytes();
        Ok(Self {
            start,
            name: word(0)?,
            kind: top & 0x7f,
            elements: bytes::index(info & 0xff_ffff),
            flag: info >> 31 == 1,
            operand: word(8)?,
        })
    }
}
