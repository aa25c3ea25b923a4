//! Drops DWARF from an object file; what the kernel and the loader read stays.

use anyhow::{Context as _, Result};
use object::{
    build::elf::{Builder, SectionData},
    elf::SHT_STRTAB,
};

/// DWARF, and relocations that only a linker would apply: loaders read `.BTF` and `.BTF.ext` as
/// they stand.
const DROPPED: &[&str] = &[".debug_", ".rel.debug_", ".rel.BTF"];

/// Returns the object without its `.debug_*` sections and what refers to them.
///
/// `.BTF`, `.BTF.ext`, programs, maps, symbols and their relocations are kept.
///
/// # Errors
/// When `bytes` is no ELF object, or its sections contradict each other.
pub(super) fn debug_sections(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut builder = Builder::read(bytes).context("cannot read the object")?;
    for section in &mut builder.sections {
        let name = section.name.to_string();
        section.delete = DROPPED.iter().any(|prefix| name.starts_with(prefix));
    }
    builder.delete_orphans();
    // LLVM names sections and symbols out of one table; the writer keeps a table for each.
    let names = builder.sections.add();
    names.name = ".shstrtab".into();
    names.sh_type = SHT_STRTAB;
    names.sh_addralign = 1;
    names.data = SectionData::SectionString;
    let mut stripped = Vec::with_capacity(bytes.len());
    builder
        .write(&mut stripped)
        .context("cannot write the object")?;
    Ok(stripped)
}
