//! As much of ELF as it takes to find tables: segments, sections, relocations.

use super::{GoError, read::Reader};

/// Segments or sections read at most.
const ENTRIES: u16 = 512;
/// Bytes of relocations looked through at most.
const RELOCATIONS: u64 = 64 << 20;
/// Bytes read at once where much is looked through; a multiple of 24, the size of a relocation.
pub(super) const CHUNK: usize = 24 * 4096;

const PT_LOAD: u32 = 1;
const PT_TLS: u32 = 7;
/// `SHT_NOBITS`: a section without bytes in the file.
const NO_BITS: u32 = 8;
/// `PF_X`, `PF_W`.
const EXECUTABLE: u32 = 1;
const WRITABLE: u32 = 2;

/// A part of the file that is mapped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) offset: u64,
    pub(super) address: u64,
    /// Bytes in the file.
    pub(super) size: u64,
    flags: u32,
}

impl Segment {
    pub(super) const fn writable(&self) -> bool {
        self.flags & WRITABLE != 0
    }

    pub(super) const fn executable(&self) -> bool {
        self.flags & EXECUTABLE != 0
    }
}

/// A part of the file that has a name.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) address: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// The memory of threads that the executable asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct ThreadMemory {
    pub(super) size: u64,
    pub(super) align: u64,
}

/// How an executable lies in its file and in memory.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) segments: Vec<Segment>,
    pub(super) sections: Vec<Section>,
    pub(super) thread_memory: Option<ThreadMemory>,
    /// `e_machine`.
    pub(super) machine: u16,
}

impl Image {
    /// Reads the headers, and lets the reader know the form of numbers.
    pub(super) fn read(reader: &mut Reader) -> Result<Self, GoError> {
        let ident: [u8; 16] = reader.array(0).map_err(|error| match error {
            GoError::Outside { .. } => GoError::NotGo,
            GoError::Read { .. }
            | GoError::NotGo
            | GoError::Damaged { .. }
            | GoError::Layout { .. } => error,
        })?;
        let [0x7f, b'E', b'L', b'F', class @ (1 | 2), order @ (1 | 2), ..] = ident else {
            return Err(GoError::NotGo);
        };
        reader.form.pointer = if class == 2 { 8 } else { 4 };
        reader.form.big_endian = order == 2;
        let wide = class == 2;
        let machine = reader.u16(18)?;
        let word = if wide { 8 } else { 4 };
        let (phoff, shoff) = (reader.word(24 + word)?, reader.word(24 + 2 * word)?);
        // After three words and e_flags: e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, …
        let rest = 24 + 3 * word + 4;
        let phentsize = u64::from(reader.u16(rest + 2)?);
        let phnum = reader.u16(rest + 4)?;
        let shentsize = u64::from(reader.u16(rest + 6)?);
        let (shnum, shstrndx) = (reader.u16(rest + 8)?, reader.u16(rest + 10)?);
        let mut image = Self {
            segments: Vec::new(),
            sections: Vec::new(),
            thread_memory: None,
            machine,
        };
        for index in 0..phnum.min(ENTRIES) {
            image.segment(reader, entry(phoff, phentsize, index), wide)?;
        }
        // Sections are a convenience: an executable runs without, and is read without.
        if shoff != 0 && shstrndx < shnum {
            let names = section(reader, entry(shoff, shentsize, shstrndx), wide);
            let names = names.map_or(0, |(_, names)| names.offset);
            for index in 0..shnum.min(ENTRIES) {
                let Ok((name, mut found)) = section(reader, entry(shoff, shentsize, index), wide)
                else {
                    break;
                };
                found.name = reader
                    .string(names.saturating_add(u64::from(name)))
                    .unwrap_or_default();
                image.sections.push(found);
            }
        }
        Ok(image)
    }

    fn segment(&mut self, reader: &mut Reader, at: u64, wide: bool) -> Result<(), GoError> {
        let kind = reader.u32(at)?;
        // Elf64_Phdr: type, flags, offset, vaddr, paddr, filesz, memsz, align; Elf32_Phdr has the
        // flags after memsz.
        let (first, word, flags) = if wide { (8, 8, 4) } else { (4, 4, 24) };
        let mut field = |index: u64| reader.word(at.saturating_add(first + index * word));
        let (offset, address) = (field(0)?, field(1)?);
        let (size, memory) = (field(3)?, field(4)?);
        let align = field(if wide { 5 } else { 6 })?;
        let flags = reader.u32(at.saturating_add(flags))?;
        match kind {
            PT_LOAD => self.segments.push(Segment {
                offset,
                address,
                size,
                flags,
            }),
            PT_TLS => {
                self.thread_memory = Some(ThreadMemory {
                    size: memory,
                    align,
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// The section of a name.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// Where in the file `len` bytes of memory come from.
    pub(super) fn offset_of(&self, address: u64, len: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let from = address.checked_sub(segment.address)?;
            (from.checked_add(len)? <= segment.size).then(|| segment.offset.checked_add(from))?
        })
    }

    /// Where in memory a byte of the file goes.
    pub(super) fn address_of(&self, offset: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let from = offset.checked_sub(segment.offset)?;
            (from < segment.size).then(|| segment.address.checked_add(from))?
        })
    }

    /// As [`Image::offset_of`], where it has to be in the file.
    pub(super) fn place(&self, address: u64, len: u64) -> Result<u64, GoError> {
        self.offset_of(address, len).ok_or(GoError::Damaged {
            at: address,
            what: "an address that is not of the file",
        })
    }

    /// Calls `each` with the place and the value of every pointer the loader relocates.
    ///
    /// Only relocations with an addend: others keep the value in place.
    pub(super) fn relocated(
        &self,
        reader: &Reader,
        mut each: impl FnMut(u64, u64),
    ) -> Result<(), GoError> {
        let of = |name: &str| {
            let section = self.sections.iter().find(|section| section.name == name)?;
            Some((section.offset, section.size.min(RELOCATIONS)))
        };
        let Some((offset, size)) = of(".rela.dyn").or_else(|| of(".rela")) else {
            return Ok(());
        };
        let mut chunk = vec![0; CHUNK];
        let mut done = 0;
        while done < size {
            let many = reader.stream(offset.saturating_add(done), &mut chunk)?;
            if many < 24 {
                break;
            }
            let left = usize::try_from(size - done).unwrap_or(usize::MAX);
            let read = chunk.get(..many.min(left)).unwrap_or_default();
            for entry in read.as_chunks::<24>().0 {
                let [place, _, value] = triple(entry);
                each(place, value);
            }
            done = done.saturating_add(u64::try_from(CHUNK).unwrap_or(u64::MAX));
        }
        Ok(())
    }
}

/// The three little-endian words of an `Elf64_Rela`.
fn triple(bytes: &[u8; 24]) -> [u64; 3] {
    let mut words = [0; 3];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

fn entry(table: u64, size: u64, index: u16) -> u64 {
    table.saturating_add(size.saturating_mul(u64::from(index)))
}

/// A section header, and where its name is among the names.
fn section(reader: &mut Reader, at: u64, wide: bool) -> Result<(u32, Section), GoError> {
    let name = reader.u32(at)?;
    let kind = reader.u32(at.saturating_add(4))?;
    // name, type, flags, addr, offset, size: the last four as wide as a pointer.
    let word = if wide { 8 } else { 4 };
    let mut field = |index: u64| reader.word(at.saturating_add(8 + index * word));
    let (address, offset, size) = (field(1)?, field(2)?, field(3)?);
    let size = if kind == NO_BITS { 0 } else { size };
    let name_later = String::new();
    Ok((
        name,
        Section {
            name: name_later,
            address,
            offset,
            size,
        },
    ))
}
