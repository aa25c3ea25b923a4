//! Walks a program's stack by the tables its compiler left (`.eh_frame`, System V ABI for x86-64),
//! as far as its memory was read, and joins what the kernel found by frame pointers.
//!
//! The kernel walks frame pointers alone. A C library's system calls make no frame, so the function
//! that called the library is missing there; and programs built without frame pointers have
//! nothing else at all.

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, LittleEndian, ParsedEhFrameHdr, Register,
    RegisterRule, UnwindContext, UnwindSection, UnwindTableRow, X86_64,
};

use super::elf::Elf;

/// Frames at most.
const FRAMES: usize = 127;
/// Registers of the DWARF numbering that are followed: the general ones.
const REGISTERS: usize = 16;
/// For each register of the DWARF numbering its place in `struct pt_regs`.
const PLACES: [usize; REGISTERS] = [10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0];
/// The place of the instruction pointer in `struct pt_regs`.
const IP: usize = 16;
const RBP: usize = 6;
const RSP: usize = 7;

/// A stack, innermost first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Walked {
    pub(super) frames: Vec<u64>,
    /// Whether the outermost is known to be the outermost.
    pub(super) complete: bool,
}

/// What a program had when it called the kernel.
pub(super) struct Machine<'a> {
    /// In the order of `struct pt_regs`.
    registers: &'a [u64],
    /// From the stack pointer on.
    memory: &'a [u8],
}

impl<'a> Machine<'a> {
    pub(super) const fn new(registers: &'a [u64], memory: &'a [u8]) -> Self {
        Self { registers, memory }
    }

    /// The stack, by tables and, from where they agree, by `pointers`, the frames the kernel found.
    ///
    /// `tables` finds the file an address is in, and the file's own address of it.
    pub(super) fn walk<'e>(
        &self,
        pointers: &[u64],
        tables: impl Fn(u64) -> Option<(&'e Elf, u64)>,
    ) -> Walked {
        let mut walk = Walk {
            stack: self.registers.get(PLACES[RSP]).copied().unwrap_or_default(),
            memory: self.memory,
            registers: PLACES.map(|place| self.registers.get(place).copied()),
            context: UnwindContext::new(),
        };
        let ip = self.registers.get(IP).copied();
        // Registers of anybody else are of no use.
        let Some(ip) = ip.filter(|ip| pointers.first() == Some(ip)) else {
            return Walked {
                frames: pointers.to_vec(),
                complete: false,
            };
        };
        let first_pointer = walk.registers[RBP];
        let mut frames = vec![ip];
        while let Some(&address) = frames.last() {
            // A return address may be the first of the next function's.
            let inside = u64::from(frames.len() > 1);
            let step =
                tables(address.wrapping_sub(inside)).and_then(|(elf, own)| walk.step(elf, own));
            match step {
                Some(Step::Caller(address)) if frames.len() < FRAMES => frames.push(address),
                Some(Step::Outermost) => {
                    return Walked {
                        frames,
                        complete: true,
                    };
                }
                Some(Step::Beyond { frame }) => {
                    // The frame the first frame pointer stands in: the kernel has its caller.
                    let joins = first_pointer.map(|it| it.wrapping_add(16)) == Some(frame);
                    let rest = if joins { pointers.get(1..) } else { None };
                    frames.extend(rest.unwrap_or_default());
                    let complete = false;
                    return joined(frames, pointers, complete);
                }
                Some(Step::Caller(_)) | None => break,
            }
        }
        joined(frames, pointers, false)
    }
}

/// Goes on by frame pointers where the last address both ways have in common was reached.
fn joined(mut frames: Vec<u64>, pointers: &[u64], complete: bool) -> Walked {
    let common = frames.iter().enumerate().rev().find_map(|(place, frame)| {
        let others = pointers.iter().skip(1);
        let other = others.clone().position(|other| other == frame)?;
        Some((place, other + 1))
    });
    if let Some((place, other)) = common.filter(|&(place, _)| place > 0) {
        let rest = pointers.get(other + 1..).unwrap_or_default();
        // What the tables know beyond is not forgotten for a shorter rest.
        if rest.len() > frames.len() - place - 1 {
            frames.truncate(place + 1);
            frames.extend(rest);
        }
    } else if frames.len() == 1 {
        frames = pointers.to_vec();
    }
    frames.truncate(FRAMES);
    Walked { frames, complete }
}

/// What a step outwards found.
enum Step {
    /// The address in the caller.
    Caller(u64),
    /// There is no caller.
    Outermost,
    /// The caller's address is beyond the memory that was read; its frame ends there.
    Beyond { frame: u64 },
}

struct Walk<'a> {
    /// Where `memory` begins.
    stack: u64,
    memory: &'a [u8],
    /// By DWARF number; `None` when it cannot be known.
    registers: [Option<u64>; REGISTERS],
    context: UnwindContext<usize>,
}

impl Walk<'_> {
    /// Leaves the function that `address` of the file is in; `None` where no table says how.
    fn step(&mut self, elf: &Elf, address: u64) -> Option<Step> {
        let (header, frame) = &elf.tables;
        let bases = BaseAddresses::default()
            .set_eh_frame_hdr(header.address)
            .set_eh_frame(frame.address);
        let section = EhFrame::new(&frame.bytes, LittleEndian);
        let cie = |section: &EhFrame<_>, bases: &BaseAddresses, offset| {
            section.cie_from_offset(bases, offset)
        };
        let parsed = EhFrameHdr::new(&header.bytes, LittleEndian).parse(&bases, 8);
        let entry = match parsed.as_ref().ok().and_then(ParsedEhFrameHdr::table) {
            Some(table) => table.fde_for_address(&section, &bases, address, cie),
            // Static programs have no table of contents.
            None => section.fde_for_address(&bases, address, cie),
        };
        let entry = entry.ok()?;
        let mut context = std::mem::take(&mut self.context);
        let row = entry.unwind_info_for_address(&section, &bases, &mut context, address);
        let step = row.ok().and_then(|row| self.leave(row));
        self.context = context;
        step
    }

    fn leave(&mut self, row: &UnwindTableRow<usize>) -> Option<Step> {
        let &CfaRule::RegisterAndOffset { register, offset } = row.cfa() else {
            return None;
        };
        let frame = self.register(register)?.wrapping_add_signed(offset);
        let caller = match row.register(X86_64::RA) {
            Some(RegisterRule::Undefined) => return Some(Step::Outermost),
            Some(RegisterRule::Offset(offset)) => self.word(frame.wrapping_add_signed(offset)),
            _ => return None,
        };
        let Some(caller) = caller else {
            return Some(Step::Beyond { frame });
        };
        let mut outer = self.registers;
        for (number, value) in (0..).zip(outer.iter_mut()) {
            match row.register(Register(number)) {
                Some(RegisterRule::Offset(offset)) => {
                    *value = self.word(frame.wrapping_add_signed(offset));
                }
                // What no rule mentions is as it was, as far as it is the callee's to save.
                None | Some(RegisterRule::SameValue) => {}
                Some(_) => *value = None,
            }
        }
        outer[RSP] = Some(frame);
        let moved = Some(frame) > self.registers[RSP];
        self.registers = outer;
        // A stack that does not shrink would be walked for ever.
        (moved && caller != 0).then_some(Step::Caller(caller))
    }

    fn register(&self, register: Register) -> Option<u64> {
        self.registers.get(usize::from(register.0)).copied()?
    }

    /// Eight bytes of the program's memory, if they were read.
    fn word(&self, address: u64) -> Option<u64> {
        let place = usize::try_from(address.checked_sub(self.stack)?).ok()?;
        let bytes = self.memory.get(place..place.checked_add(8)?)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(frames: &[u64], pointers: &[u64]) -> Vec<u64> {
        joined(frames.to_vec(), pointers, false).frames
    }

    #[test]
    fn what_both_ways_know_is_told_once() {
        // The kernel misses the caller of the C library.
        assert_eq!(walked(&[1, 2, 3], &[1, 3, 4, 5]), [1, 2, 3, 4, 5]);
        assert_eq!(walked(&[1, 2, 3, 4], &[1, 3]), [1, 2, 3, 4]);
    }

    #[test]
    fn without_anything_in_common_the_tables_are_believed() {
        assert_eq!(walked(&[1, 2, 3], &[1, 9]), [1, 2, 3]);
        assert_eq!(walked(&[1], &[1, 9]), [1, 9], "no table at all");
    }

    #[test]
    fn registers_of_somebody_else_are_not_used() {
        let registers = [0; 21];
        let machine = Machine::new(&registers, &[]);
        let walked = machine.walk(&[1, 2], |_| None);
        assert_eq!(walked.frames, [1, 2]);
        assert!(!walked.complete);
    }

    #[test]
    fn hostile_tables_end_the_walk() {
        let mut elf = Elf::default();
        for byte in 0..=255 {
            elf.tables.0.bytes = vec![byte; 64];
            elf.tables.1.bytes = vec![byte; 64];
            let mut registers = [0; 21];
            registers[IP] = 1;
            let memory = [byte; 64];
            let machine = Machine::new(&registers, &memory);
            let walked = machine.walk(&[1, 2], |_| Some((&elf, 1)));
            assert!(walked.frames.len() <= FRAMES);
        }
    }
}
