//! The kinds of BTF types and how long the record of each is.
//!
//! Source: `include/uapi/linux/btf.h`.

use super::{error::BtfError, header::Header};

pub(super) const INT: u8 = 1;
pub(super) const POINTER: u8 = 2;
pub(super) const ARRAY: u8 = 3;
pub(super) const STRUCT: u8 = 4;
pub(super) const UNION: u8 = 5;
pub(super) const ENUM: u8 = 6;
pub(super) const FORWARD: u8 = 7;
pub(super) const TYPEDEF: u8 = 8;
pub(super) const VOLATILE: u8 = 9;
pub(super) const CONST: u8 = 10;
pub(super) const RESTRICT: u8 = 11;
pub(super) const FUNCTION: u8 = 12;
pub(super) const PROTOTYPE: u8 = 13;
pub(super) const VARIABLE: u8 = 14;
pub(super) const SECTION: u8 = 15;
pub(super) const FLOAT: u8 = 16;
pub(super) const DECLARATION_TAG: u8 = 17;
pub(super) const TYPE_TAG: u8 = 18;
pub(super) const ENUM64: u8 = 19;

/// Bytes every record starts with: name, info, size or type.
pub(super) const HEAD: usize = 12;

/// Bytes of one member of a structure, `struct btf_member`.
pub(super) const MEMBER: usize = 12;
/// Bytes of one enumerator, `struct btf_enum`.
pub(super) const ENUMERATOR: usize = 8;
/// Bytes of one wide enumerator, `struct btf_enum64`.
pub(super) const ENUMERATOR64: usize = 12;
/// Bytes of one parameter, `struct btf_param`.
pub(super) const PARAMETER: usize = 8;

/// The head of a record without elements.
pub(super) fn head(name: u32, kind: u8, operand: u32) -> [u8; HEAD] {
    let words = [name, u32::from(kind) << 24, operand];
    let mut head = [0; HEAD];
    for (bytes, word) in head.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    head
}

/// Whether the kind only names or qualifies the type it refers to.
pub(super) const fn is_modifier(kind: u8) -> bool {
    matches!(kind, TYPEDEF | VOLATILE | CONST | RESTRICT | TYPE_TAG)
}

/// Bytes of a record behind its [`HEAD`]; kinds newer than this code are measured by the
/// layout section (`struct btf_layout`), where the BTF has one.
pub(super) fn tail(
    bytes: &[u8],
    header: &Header,
    kind: u8,
    elements: usize,
    offset: usize,
) -> Result<usize, BtfError> {
    let (once, each) = match kind {
        POINTER | FORWARD | TYPEDEF | VOLATILE | CONST | RESTRICT | FUNCTION | FLOAT | TYPE_TAG => {
            (0, 0)
        }
        INT | VARIABLE | DECLARATION_TAG => (4, 0),
        ARRAY => (12, 0),
        STRUCT | UNION => (0, MEMBER),
        ENUM => (0, ENUMERATOR),
        PROTOTYPE => (0, PARAMETER),
        SECTION => (0, 12),
        ENUM64 => (0, ENUMERATOR64),
        _ => header
            .layout(bytes, kind)
            .ok_or(BtfError::Kind { kind, offset })?,
    };
    Ok(once + each * elements)
}
