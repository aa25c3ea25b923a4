//! Where in a thread's own memory the pointer to its running `g` is.

use super::{
    GoError, Version,
    elf::{Image, ThreadMemory},
    read::Reader,
    tables,
};

/// `EM_X86_64`.
const X86_64: u16 = 62;

/// A short function of the runtime that does little but load `g`.
const LOADS_G: &str = "runtime.stackcheck";

/// The offset from the thread pointer.
///
/// Where Go's own word is all there is, linkers put it right before the thread pointer; where C has
/// variables of its own there, the code says where Go's word is among them.
pub(super) fn offset(reader: &mut Reader, image: &Image, version: Version) -> Result<i32, GoError> {
    if image.machine != X86_64 {
        return Err(GoError::Layout {
            what: "only those of x86-64 are",
        });
    }
    let alone = |memory: ThreadMemory| memory.size <= 8 && memory.align <= 8;
    if image.thread_memory.is_none_or(alone) {
        return Ok(-8);
    }
    let (table, _) = tables(reader, image, version)?;
    let unknown = GoError::Layout {
        what: "no code shows where a thread keeps its g",
    };
    let Some(function) = table.named(reader, LOADS_G)? else {
        return Err(unknown);
    };
    let at = image.place(function.entry, 32)?;
    let code: [u8; 32] = reader.array(at)?;
    loaded_from(&code).ok_or(unknown)
}

/// What `mov %fs:…` loads from, in any form the linkers leave.
fn loaded_from(code: &[u8]) -> Option<i32> {
    for at in 0..code.len() {
        match code.get(at..)? {
            // mov %fs:disp32, %r
            [0x64, 0x48, 0x8b, modrm, 0x25, a, b, c, d, ..] if modrm & 0xc7 == 0x04 => {
                return Some(i32::from_le_bytes([*a, *b, *c, *d]));
            }
            // mov $imm32, %r; mov %fs:(%r), %r
            [0x48, 0xc7, modrm, a, b, c, d, 0x64, 0x48, 0x8b, ..] if modrm & 0xf8 == 0xc0 => {
                return Some(i32::from_le_bytes([*a, *b, *c, *d]));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_load_says_its_offset() {
        let code = [
            0x90, 0x64, 0x48, 0x8b, 0x04, 0x25, 0xf8, 0xff, 0xff, 0xff, 0xc3,
        ];
        assert_eq!(loaded_from(&code), Some(-8));
    }

    #[test]
    fn a_load_through_a_register_says_what_was_put_there() {
        let code = [
            0x48, 0xc7, 0xc1, 0xb0, 0xff, 0xff, 0xff, 0x64, 0x48, 0x8b, 0x01, 0xc3,
        ];
        assert_eq!(loaded_from(&code), Some(-80));
    }

    #[test]
    fn code_that_loads_nothing_by_fs_says_nothing() {
        // mov (%rsp), %rax; mov $1, %rax; ret
        let code = [0x48, 0x8b, 0x04, 0x24, 0x48, 0xc7, 0xc0, 1, 0, 0, 0, 0xc3];
        assert_eq!(loaded_from(&code), None);
    }
}
