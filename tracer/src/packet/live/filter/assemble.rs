//! A classic BPF program from steps and labels (`Documentation/networking/filter.rst`).

use libc::sock_filter;

/// One instruction, or a place to jump to.
///
/// A is the accumulator, X the index register, M a cell of memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A = two bytes at a place.
    HalfAt(u32),
    /// A = two bytes, so far behind X.
    HalfAtX(u32),
    /// A = one byte, so far behind X.
    ByteAtX(u32),
    /// X = a number.
    SetX(u32),
    /// X = A.
    ToX,
    /// A = A & a number.
    And(u32),
    /// A = A + a number.
    Add(u32),
    /// A = A + X.
    AddX,
    /// A = A << a number.
    ShiftLeft(u32),
    /// M = A.
    Keep,
    /// A = M.
    Kept,
    /// Jumps when A is a number.
    If(u32, Label),
    /// Jumps when A is another number.
    Unless(u32, Label),
    /// Jumps when A has any of these bits.
    IfAny(u32, Label),
    /// Jumps.
    Goto(Label),
    /// Ends: so many bytes of the packet are kept, none means it is dropped.
    Return(u32),
    /// A place to jump to; no instruction.
    Mark(Label),
}

/// Places in the program; all jumps go forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Tag,
    SecondTag,
    Version,
    Untagged,
    V4,
    V6,
    V6Flags,
    Fragmented,
    FragmentOfTcp,
    Extension,
    Accept,
    Reject,
}

// Codes of `include/uapi/linux/bpf_common.h` and `filter.h`.
const LD_H_ABS: u16 = 0x28;
const LD_H_IND: u16 = 0x48;
const LD_B_IND: u16 = 0x50;
const LD_MEM: u16 = 0x60;
const LDX_IMM: u16 = 0x01;
const ST: u16 = 0x02;
const ADD_K: u16 = 0x04;
const ADD_X: u16 = 0x0c;
const AND_K: u16 = 0x54;
const LSH_K: u16 = 0x64;
const JA: u16 = 0x05;
const JEQ_K: u16 = 0x15;
const JSET_K: u16 = 0x45;
const RET_K: u16 = 0x06;
const TAX: u16 = 0x07;

/// Turns labels into distances.
pub(super) fn assemble(steps: &[Step]) -> Vec<sock_filter> {
    let mut program = Vec::with_capacity(steps.len());
    for (at, step) in steps.iter().enumerate() {
        let rest = steps.get(at + 1..).unwrap_or_default();
        let plain = |code, k| Some((code, 0, 0, k));
        let instruction = match *step {
            Step::HalfAt(k) => plain(LD_H_ABS, k),
            Step::HalfAtX(k) => plain(LD_H_IND, k),
            Step::ByteAtX(k) => plain(LD_B_IND, k),
            Step::SetX(k) => plain(LDX_IMM, k),
            Step::ToX => plain(TAX, 0),
            Step::And(k) => plain(AND_K, k),
            Step::Add(k) => plain(ADD_K, k),
            Step::AddX => plain(ADD_X, 0),
            Step::ShiftLeft(k) => plain(LSH_K, k),
            Step::Keep => plain(ST, 0),
            Step::Kept => plain(LD_MEM, 0),
            Step::If(k, label) => Some((JEQ_K, distance(rest, label), 0, k)),
            Step::Unless(k, label) => Some((JEQ_K, 0, distance(rest, label), k)),
            Step::IfAny(k, label) => Some((JSET_K, distance(rest, label), 0, k)),
            Step::Goto(label) => plain(JA, u32::from(distance(rest, label))),
            Step::Return(k) => plain(RET_K, k),
            Step::Mark(_) => None,
        };
        program.extend(instruction.map(|(code, jt, jf, k)| sock_filter { code, jt, jf, k }));
    }
    program
}

/// Instructions between a jump and its label; the kernel refuses the program if it is too far.
fn distance(rest: &[Step], label: Label) -> u8 {
    let between = rest
        .iter()
        .take_while(|step| !matches!(step, Step::Mark(here) if *here == label))
        .filter(|step| !matches!(step, Step::Mark(_)))
        .count();
    u8::try_from(between).unwrap_or(u8::MAX)
}
