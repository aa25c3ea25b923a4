//! What can be wrong with BTF, and with a question about it.

use std::{io, path::PathBuf};

use thiserror::Error;

/// BTF that could not be read or that contradicts itself; offsets count from the first byte.
#[derive(Debug, Error)]
pub enum BtfError {
    /// The file could not be read; it needs no privilege, so it is most likely absent.
    #[error("cannot read kernel type information (BTF) from {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is larger than any kernel's BTF and was not read to its end.
    #[error("{} has more than {limit} bytes: not kernel type information (BTF)", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes read.
        limit: u64,
    },
    /// The first two bytes are not BTF's magic number.
    #[error("not raw BTF: it starts with {found:#06x}, not 0xeb9f")]
    Magic {
        /// The first two bytes, in this machine's order.
        found: u16,
    },
    /// The magic number is there with its bytes swapped.
    #[error("BTF of a machine with the other byte order")]
    ByteOrder,
    /// The format's version is not 1, the only one there is.
    #[error("BTF version {found} at byte 2 is not known")]
    Version {
        /// The version found.
        found: u8,
    },
    /// Something reaches past the end of what holds it.
    #[error("BTF ends early: {what} at byte {offset:#x} needs {length} bytes")]
    Truncated {
        /// What was to be read.
        what: &'static str,
        /// Where it starts.
        offset: usize,
        /// How long it should be.
        length: usize,
    },
    /// The string section does not start and end with a NUL byte.
    #[error("BTF strings at byte {offset:#x} do not start and end with a NUL")]
    Strings {
        /// Where the section starts.
        offset: usize,
    },
    /// A kind of type that neither we nor the BTF itself describe.
    #[error("BTF type at byte {offset:#x} is of unknown kind {kind}")]
    Kind {
        /// The number of the kind.
        kind: u8,
        /// Where the type starts.
        offset: usize,
    },
    /// A type refers to a type that is not there.
    #[error("BTF at byte {offset:#x} refers to type {id}, which does not exist")]
    NoSuchType {
        /// The type referred to.
        id: u32,
        /// Where the reference is, or the type that makes it.
        offset: usize,
    },
    /// A name lies outside the string section.
    #[error("BTF at byte {offset:#x} has its name at {name:#x}, outside the strings")]
    NameOutside {
        /// Offset of the name in the string section.
        name: u32,
        /// Where the reference is, or the type that makes it.
        offset: usize,
    },
    /// A name is not UTF-8.
    #[error("BTF at byte {offset:#x} has a name that is not text")]
    NameNotText {
        /// Where the reference is, or the type that makes it.
        offset: usize,
    },
    /// Modifiers or arrays go round in a circle, or deeper than the kernel itself allows.
    #[error("BTF type at byte {offset:#x} is nested too deep, or in itself")]
    TooDeep {
        /// The type where we gave up.
        offset: usize,
    },
    /// A size or an offset overflows 64 bits.
    #[error("BTF type at byte {offset:#x} has an impossible size")]
    Oversized {
        /// The type.
        offset: usize,
    },
    /// A type that has no size is used where one is needed.
    #[error("BTF type at byte {offset:#x} has no size")]
    Unsized {
        /// The type.
        offset: usize,
    },
}

/// Why a field was not found; all but `Malformed` are facts about the kernel.
#[derive(Debug, Error)]
pub enum FieldError {
    /// No structure or union goes by this name.
    #[error("no structure {structure}")]
    NoStructure {
        /// The name asked for.
        structure: String,
    },
    /// The structure is there and lacks the member.
    #[error("structure {structure} has no member {path} (looking for {member})")]
    NoMember {
        /// The structure asked for.
        structure: String,
        /// The whole path asked for.
        path: String,
        /// The part of the path that is not there.
        member: String,
    },
    /// A member on the way has no members of its own: a number, a pointer, an array.
    #[error("member {member} of {structure}.{path} is not a structure")]
    NotAStructure {
        /// The structure asked for.
        structure: String,
        /// The whole path asked for.
        path: String,
        /// The part of the path that has no members.
        member: String,
    },
    /// The BTF broke off the search.
    #[error("cannot look up {structure}.{path}")]
    Malformed {
        /// The structure asked for.
        structure: String,
        /// The whole path asked for.
        path: String,
        /// What is wrong with the BTF.
        source: BtfError,
    },
}
