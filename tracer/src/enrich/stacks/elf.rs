//! What an ELF file says of itself: its build id, where it wants to be, how its functions unwind.

use std::{fmt::Write as _, fs::File};

use object::{Object, ObjectSection, ObjectSegment, read::ReadCache};

use crate::model::foreign::Foreign;

/// Bytes of unwinding tables read at most, of one file.
const TABLES: u64 = 32 << 20;

/// A section with its address.
#[derive(Debug, Default)]
pub(super) struct Section {
    pub(super) address: u64,
    pub(super) bytes: Vec<u8>,
}

/// A part of the file, and where it is in the file's own addresses.
#[derive(Debug)]
struct Segment {
    offset: u64,
    size: u64,
    address: u64,
}

/// What was read of a file.
#[derive(Debug, Default)]
pub(super) struct Elf {
    /// Hexadecimal digits.
    pub(super) build_id: Option<Foreign>,
    /// `.eh_frame_hdr` and `.eh_frame`; empty where there are none.
    pub(super) tables: (Section, Section),
    segments: Vec<Segment>,
}

impl Elf {
    /// Reads a file; nothing is known of one that is no 64-bit ELF file.
    pub(super) fn read(file: &File) -> Self {
        let cache = ReadCache::new(file);
        let Ok(elf) = object::File::parse(&cache) else {
            return Self::default();
        };
        if !elf.is_64() {
            return Self::default();
        }
        let segments = elf.segments().map(|segment| {
            let (offset, size) = segment.file_range();
            Segment {
                offset,
                size,
                address: segment.address(),
            }
        });
        let section = |name| {
            let section = elf.section_by_name(name);
            let section = section.filter(|section| section.size() <= TABLES);
            section.map_or_else(Section::default, |section| Section {
                address: section.address(),
                bytes: section.data().unwrap_or_default().to_vec(),
            })
        };
        let build_id = elf.build_id().ok().flatten().map(hexadecimal);
        Self {
            build_id,
            tables: (section(".eh_frame_hdr"), section(".eh_frame")),
            segments: segments.collect(),
        }
    }

    /// The file's own address of a place in it.
    pub(super) fn address(&self, offset: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let within = offset.checked_sub(segment.offset)?;
            (within < segment.size).then(|| segment.address.wrapping_add(within))
        })
    }

    /// Bytes it takes, roughly.
    pub(super) fn weight(&self) -> usize {
        self.tables.0.bytes.len() + self.tables.1.bytes.len() + size_of::<Self>()
    }
}

/// The build id of an ELF file, in hexadecimal digits; `None` of any other, and without one.
pub(super) fn build_id(file: &File) -> Option<Foreign> {
    let cache = ReadCache::new(file);
    let elf = object::File::parse(&cache).ok()?;
    elf.build_id().ok().flatten().map(hexadecimal)
}

fn hexadecimal(bytes: &[u8]) -> Foreign {
    let mut digits = String::new();
    for byte in bytes {
        let _ = write!(digits, "{byte:02x}");
    }
    digits.as_bytes().into()
}
