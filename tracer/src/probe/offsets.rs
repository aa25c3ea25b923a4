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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::probe::btf::tests::blob::Blob;

    /// One level of a kernel's structures: members by name.
    #[derive(Default)]
    struct Level {
        bytes: u16,
        members: BTreeMap<String, Level>,
    }

    impl Level {
        fn insert(&mut self, path: &str, bytes: u16) {
            let (first, rest) = path.split_once('.').unwrap_or((path, ""));
            let below = self.members.entry(first.to_owned()).or_default();
            if rest.is_empty() {
                below.bytes = bytes;
            } else {
                below.insert(rest, bytes);
            }
        }

        /// Adds the level as a type; each member lies 64 bytes behind the one before.
        fn encode(&self, blob: &mut Blob, name: &str) -> u32 {
            if self.members.is_empty() {
                let byte = blob.number("byte", 1);
                return blob.array(byte, self.bytes.into());
            }
            let mut members = Vec::new();
            for (place, (name, below)) in (0_u32..).zip(&self.members) {
                members.push((name.as_str(), below.encode(blob, ""), place * 64 * 8));
            }
            blob.structure(name, 4096, &members)
        }
    }

    /// BTF of a kernel that has the fields, in the sizes given.
    fn kernel(fields: impl Iterator<Item = (Field, u16)>) -> Btf {
        let mut structures: BTreeMap<&str, Level> = BTreeMap::new();
        for (field, bytes) in fields {
            let structure = structures.entry(field.structure).or_default();
            structure.insert(field.path, bytes);
        }
        let mut blob = Blob::default();
        for (name, level) in structures {
            level.encode(&mut blob, name);
        }
        Btf::parse(blob.build()).unwrap()
    }

    /// A kernel with every field but the ones of the path.
    fn without(path: &str) -> Btf {
        let kept = FIELDS.iter().filter(|field| field.path != path);
        kernel(kept.map(|field| (*field, field.size)))
    }

    fn paths(missing: &[Missing]) -> Vec<&'static str> {
        missing.iter().map(|missing| missing.field.path).collect()
    }

    #[test]
    fn a_kernel_with_every_field_misses_nothing() {
        let resolved = resolve(&without("")).unwrap();
        assert_eq!(resolved.missing, []);
        assert_eq!(resolved.lost(), [""; 0]);
        // Names sort "skc_cookie", "skc_daddr", "skc_dport", … and lie 64 bytes apart.
        assert_eq!(resolved.offsets.skc_cookie, 0);
        assert_eq!(resolved.offsets.skc_daddr, 64);
        assert_eq!(resolved.offsets.skc_dport, 128);
    }

    #[test]
    fn a_kernel_without_a_required_field_is_refused_by_name() {
        let error = resolve(&without("sk_lock.owned")).unwrap_err();
        let text = error.to_string();
        assert_eq!(
            text,
            "this kernel has no sock.sk_lock.owned (no such member)"
        );
    }

    #[test]
    fn a_kernel_without_any_structure_is_refused_by_all_its_names() {
        let error = resolve(&Btf::parse(Blob::default().build()).unwrap()).unwrap_err();
        let OffsetsError::Required(missing) = &error else {
            panic!("{error}");
        };
        let required = FIELDS.iter().filter(|field| field.required);
        let required: Vec<&str> = required.map(|field| field.path).collect();
        assert_eq!(paths(missing), required);
        assert!(
            missing
                .iter()
                .all(|missing| missing.why == Why::NoStructure)
        );
    }

    #[test]
    fn a_kernel_without_an_optional_field_says_what_is_lost() {
        let resolved = resolve(&without("sk_lingertime")).unwrap();
        assert_eq!(resolved.offsets.sk_lingertime, MISSING);
        assert_eq!(paths(&resolved.missing), ["sk_lingertime"]);
        let lost = ["linger_zero on kernels without reset reasons"];
        assert_eq!(resolved.lost(), lost);
    }

    #[test]
    fn a_field_of_another_size_is_missing() {
        let sizes = FIELDS.iter().map(|field| {
            let wide = field.path == "sk_protocol";
            (*field, if wide { 4 } else { field.size })
        });
        let resolved = resolve(&kernel(sizes)).unwrap();
        assert_eq!(resolved.offsets.sk_protocol, MISSING);
        assert_eq!(resolved.missing[0].why, Why::Size(32));
    }

    #[test]
    fn a_field_that_moved_to_its_alternative_is_not_missing() {
        let resolved = resolve(&without("f_count.counter")).unwrap();
        assert_eq!(resolved.offsets.file_count, MISSING);
        assert_ne!(resolved.offsets.file_ref, MISSING);
        assert_eq!(resolved.missing, []);
    }

    #[test]
    fn a_field_without_any_of_its_alternatives_is_missing() {
        let kept = FIELDS
            .iter()
            .filter(|it| it.structure != "file" || !it.alternative);
        let resolved = resolve(&kernel(kept.map(|field| (*field, field.size)))).unwrap();
        let both = ["f_count.counter", "f_ref.refcnt.counter"];
        assert_eq!(paths(&resolved.missing), both);
        assert_eq!(resolved.lost(), ["telling close from shutdown"]);
    }

    #[test]
    fn the_width_of_the_flags_chooses_between_their_two_fields() {
        let sizes = |bytes| {
            let sizes = FIELDS.iter().map(move |field| {
                let flags = field.path == "tcp_flags";
                (*field, if flags { bytes } else { field.size })
            });
            resolve(&kernel(sizes)).unwrap()
        };
        let (narrow, wide) = (sizes(1), sizes(2));
        assert_ne!(narrow.offsets.cb_tcp_flags, MISSING);
        assert_eq!(narrow.offsets.cb_tcp_flags_wide, MISSING);
        assert_eq!(wide.offsets.cb_tcp_flags, MISSING);
        assert_ne!(wide.offsets.cb_tcp_flags_wide, MISSING);
        assert_eq!([narrow.missing, wide.missing], [[], []]);
        assert_eq!(sizes(4).lost(), ["retransmitted FINs"]);
    }

    #[test]
    fn bit_fields_and_odd_or_far_places_are_refused() {
        let member = |offset_bits, size_bits, bitfield| Member {
            offset_bits,
            size_bits,
            bitfield,
        };
        let field = FIELDS.iter().find(|field| field.size == 2).unwrap();
        assert_eq!(usable(&member(64, 16, false), field), Ok(8));
        assert_eq!(usable(&member(64, 16, true), field), Err(Why::Bitfield));
        assert_eq!(usable(&member(65, 16, false), field), Err(Why::Place(65)));
        let far = u64::from(MISSING) * 8;
        assert_eq!(usable(&member(far, 16, false), field), Err(Why::Place(far)));
        let last = far - 8;
        assert_eq!(usable(&member(last, 16, false), field), Ok(MISSING - 1));
    }

    #[test]
    fn every_optional_field_says_what_is_lost_without_it() {
        for field in FIELDS {
            assert_eq!(field.lost.is_empty(), field.required, "{field:?}");
        }
    }
}
