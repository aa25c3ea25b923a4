//! The offsets the kernel half reads by, found in the running kernel's BTF.

use std::fmt;

use thiserror::Error;
use tracer_common::settings::{FIELDS, Field, MISSING, Offsets};
use zerocopy::IntoBytes as _;

use super::btf::{Btf, BtfError, FieldError, Member, Structure};

/// What the kernel half gets, and what it has to do without.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The global `OFFSETS` of the kernel object.
    pub offsets: Offsets,
    /// Optional fields that cannot be read, in the order of [`FIELDS`].
    ///
    /// A field whose alternative can be read is not among them.
    pub missing: Vec<Missing>,
}

impl Resolved {
    /// What endings lack on this kernel, each once.
    #[must_use]
    pub fn lost(&self) -> Vec<&'static str> {
        let mut lost: Vec<&'static str> = Vec::new();
        for missing in &self.missing {
            if !lost.contains(&missing.field.lost) {
                lost.push(missing.field.lost);
            }
        }
        lost
    }
}

/// A field that cannot be read on this kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The field.
    pub field: &'static Field,
    /// What stands in the way.
    pub why: Why,
}

impl fmt::Display for Missing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Field {
            structure, path, ..
        } = self.field;
        write!(out, "{structure}.{path} ({})", self.why)
    }
}

/// What stands in the way of reading a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The kernel has no structure of this name.
    NoStructure,
    /// The structure has no such member.
    NoMember,
    /// The field shares its bytes with others.
    Bitfield,
    /// The field is as many bits long as this, not what the kernel half reads.
    Size(u64),
    /// The field lies as many bits into its structure as this, too far or not on a byte.
    Place(u64),
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStructure => out.write_str("no such structure"),
            Self::NoMember => out.write_str("no such member"),
            Self::Bitfield => out.write_str("a bit field"),
            Self::Size(bits) => write!(out, "{bits} bits long"),
            Self::Place(bits) => write!(out, "at bit {bits}"),
        }
    }
}

/// Why there are no offsets to run with.
#[derive(Debug, Error)]
pub enum OffsetsError {
    /// Fields without which no ending can be told.
    #[error("this kernel has no {}", listed(.0))]
    Required(Vec<Missing>),
    /// The BTF broke off a search.
    #[error("cannot look up {structure}.{path} in the kernel's BTF")]
    Malformed {
        /// The structure looked in.
        structure: &'static str,
        /// The field looked for.
        path: &'static str,
        /// What is wrong with the BTF.
        source: BtfError,
    },
}

fn listed(missing: &[Missing]) -> String {
    let names: Vec<String> = missing.iter().map(Missing::to_string).collect();
    names.join(", ")
}

/// Finds every field of [`FIELDS`].
///
/// # Errors
///
/// When a required field cannot be read, naming all such fields, or when the BTF contradicts
/// itself; the kernel half must then not be loaded.
pub fn resolve(btf: &Btf) -> Result<Resolved, OffsetsError> {
    let mut offsets = Offsets::NONE;
    let mut missing = Vec::new();
    // The fields of one structure follow each other, so its name is looked up once.
    let mut last: Option<(&str, Option<Structure<'_>>)> = None;
    for (slot, field) in offsets.as_mut_bytes().chunks_exact_mut(2).zip(FIELDS) {
        let structure = match &mut last {
            Some((name, found)) if *name == field.structure => found,
            other => {
                &mut other
                    .insert((field.structure, btf.structure(field.structure)))
                    .1
            }
        };
        let found = match structure.as_ref().map(|found| found.field(field.path)) {
            Some(Ok(member)) => usable(&member, field),
            None | Some(Err(FieldError::NoStructure { .. })) => Err(Why::NoStructure),
            Some(Err(FieldError::NoMember { .. } | FieldError::NotAStructure { .. })) => {
                Err(Why::NoMember)
            }
            Some(Err(FieldError::Malformed { source, .. })) => {
                let &Field {
                    structure, path, ..
                } = field;
                return Err(OffsetsError::Malformed {
                    structure,
                    path,
                    source,
                });
            }
        };
        match found {
            Ok(offset) => slot.copy_from_slice(&offset.to_ne_bytes()),
            Err(why) => missing.push(Missing { field, why }),
        }
    }
    judge(offsets, missing)
}

/// Offset in bytes of a member the kernel half can read as the field.
fn usable(member: &Member, field: &Field) -> Result<u16, Why> {
    if member.bitfield {
        return Err(Why::Bitfield);
    }
    let Some((offset, size)) = member.bytes() else {
        return Err(Why::Place(member.offset_bits));
    };
    if size != u64::from(field.size) {
        return Err(Why::Size(member.size_bits));
    }
    match u16::try_from(offset) {
        Ok(offset) if offset != MISSING => Ok(offset),
        Ok(_) | Err(_) => Err(Why::Place(member.offset_bits)),
    }
}

/// Refuses what lacks a required field, and forgives what has an alternative.
fn judge(offsets: Offsets, mut missing: Vec<Missing>) -> Result<Resolved, OffsetsError> {
    let required: Vec<Missing> = missing
        .iter()
        .filter(|missing| missing.field.required)
        .cloned()
        .collect();
    if !required.is_empty() {
        return Err(OffsetsError::Required(required));
    }
    let absent = missing.clone();
    missing.retain(|missing| {
        alternatives(missing.field).all(|other| absent.iter().any(|absent| absent.field == other))
    });
    Ok(Resolved { offsets, missing })
}

/// The fields any one of which does in place of the field, itself included.
fn alternatives(field: &'static Field) -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(move |&other| {
        other == field
            || (field.alternative
                && other.alternative
                && other.structure == field.structure
                && other.lost == field.lost)
    })
}
