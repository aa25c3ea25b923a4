//! How an act came about: the stacks of the kernel and of the program, put into a record.
//!
//! The act's own record was sent before, so that a filter has let it pass and nothing here can cost
//! it. Stacks travel with the states: what is lost then is a stack and no ending.
#![expect(unsafe_code, reason = "helpers write into a slot of a map")]
#![expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes are small constants, addresses are numbers"
)]

use core::{
    ffi::c_void,
    mem::{offset_of, size_of},
    ptr::{read_volatile, write_volatile},
};

use aya_ebpf::{
    EbpfContext,
    bindings::BPF_F_USER_STACK,
    helpers::generated::{bpf_get_stack, bpf_probe_read_kernel, bpf_probe_read_user},
};
use tracer_common::{
    count,
    event::{Header, Kind, Record, Stack, context},
    socket::Socket,
    task::Task,
};

use crate::{
    emit::{Lane, hand_over, wanted},
    kernel::{has, read_at, task},
    maps,
};

mod acts;

pub(crate) use acts::{of_asker, of_change, of_held_open, of_keeping, of_reset};

/// Bytes of the frames of one side at most; every number of whole frames is within its bits.
const FRAMES: u64 = 8 * 127;
/// `THREAD_SIZE` of x86-64 without KASAN, `arch/x86/include/asm/page_64_types.h`.
const KERNEL_STACK: u64 = 16_384;
/// `TOP_OF_KERNEL_STACK_PADDING` where FRED is compiled in, else none.
const FRED_PADDING: u64 = 16;
/// `ip` and `sp` in `struct pt_regs` of x86-64.
const IP: u64 = 128;
const SP: u64 = 152;

/// Room for a record: a power of two, so that one mask shows the verifier that all is within.
const ROOM: usize = 4_096;
const _: () = assert!(Stack::LARGEST < ROOM, "a record has room");

/// A record under construction.
#[repr(C)]
pub(crate) struct Scratch {
    /// When the hook that uses the slot ran; zero when it is free.
    owner: u64,
    /// Of a touch, whose it is; what follows is a `Touch` then.
    pub(crate) task: Task,
    /// Of a touch, whether it received.
    pub(crate) received: u64,
    /// The fixed part.
    pub(crate) stack: Stack,
    /// What follows it.
    rest: [u8; ROOM - size_of::<Stack>()],
}

/// Takes the stacks that are `asked` for and sends them behind the record of an act.
#[inline(always)]
fn take(program: &impl EbpfContext, act: &Header, socket: &Socket, asked: u16) {
    if asked == 0 || !wanted(Kind::Stack) {
        return;
    }
    let Some(counts) = maps::counts() else { return };
    let seq = maps::count(counts, count::TRIED);
    maps::count(counts, count::emitted(Kind::Stack));
    let sent = match slot(act.at_ns) {
        Some(slot) => put(program, slot, act, socket, (asked, seq)),
        None => false,
    };
    if !sent {
        maps::count(counts, count::lost(Kind::Stack));
    }
}

/// Puts the record together in a slot, sends it, and gives the slot back; false when it found no
/// room, or the slot was another hook's after all.
#[inline(always)]
fn put(
    program: &impl EbpfContext,
    slot: *mut Scratch,
    act: &Header,
    socket: &Socket,
    (asked, seq): (u16, u64),
) -> bool {
    // SAFETY: the slot is this hook's until it is given back.
    let stack = unsafe { &mut (*slot).stack };
    stack.of_seq = act.seq;
    compose(
        program,
        slot,
        &Header { seq, ..*act },
        (socket.address, socket.cookie),
        asked,
    );
    let data: *mut Stack = stack;
    let stack: &Stack = stack;
    let sent =
        is_of(slot, act.at_ns) && hand_over(program, Lane::States, data.cast(), || length(stack));
    give_back(slot);
    sent
}

/// Puts everything but `of_seq` into a slot.
#[inline(always)]
pub(crate) fn compose(
    program: &impl EbpfContext,
    slot: *mut Scratch,
    header: &Header,
    (address, cookie): (u64, u64),
    asked: u16,
) {
    // SAFETY: the slot is this hook's until it is given back.
    let stack = unsafe { &mut (*slot).stack };
    stack.header = *header;
    stack.header.kind = Kind::Stack.to_wire();
    (stack.address, stack.cookie) = (address, cookie);
    (stack.asked, stack.reserved) = (asked, [0; 3]);
    (stack.start_ns, stack.mm) = (0, 0);
    fill(program, slot, stack);
    let frames = bytes(&stack.kernel) + bytes(&stack.user);
    stack.header.size = frames as u16 + stack.registers + stack.memory + Stack::SIZE;
}

/// Whether a slot is still this hook's.
#[inline(always)]
pub(crate) fn is_of(slot: *mut Scratch, owner: u64) -> bool {
    // SAFETY: the slot lies in the map, which outlives the program.
    unsafe { read_volatile(owner_of(slot)) == owner }
}

/// From now on a slot is another hook's to take.
#[inline(always)]
pub(crate) fn give_back(slot: *mut Scratch) {
    // SAFETY: the slot lies in the map, which outlives the program.
    unsafe { write_volatile(owner_of(slot), 0) };
}

/// Where a slot says whose it is.
#[inline(always)]
fn owner_of(slot: *mut Scratch) -> *mut u64 {
    const _: () = assert!(offset_of!(Scratch, owner) == 0, "the owner comes first");
    slot.cast()
}

/// A free slot, now this hook's.
///
/// What interrupts a hook is over before the hook goes on, so taking one needs no more than a
/// look. Where hooks can be preempted two may take one: the owner shows it, and one is lost.
#[inline(always)]
pub(crate) fn slot(owner: u64) -> Option<*mut Scratch> {
    let mut index = 0;
    while index < 3 {
        let slot = maps::STACKS.get_ptr_mut(index)?;
        let field = owner_of(slot);
        // SAFETY: the slot lies in the map, which outlives the program.
        if unsafe { read_volatile(field) } == 0 {
            // SAFETY: as above.
            unsafe { write_volatile(field, owner) };
            return Some(slot);
        }
        index += 1;
    }
    None
}

/// Writes what follows the fixed part.
#[inline(always)]
fn fill(program: &impl EbpfContext, slot: *mut Scratch, stack: &mut Stack) {
    let base = slot.cast::<u8>().wrapping_add(offset_of!(Scratch, rest));
    (stack.kernel, stack.user, stack.registers, stack.memory) = (0, 0, 0, 0);
    if stack.asked & Stack::KERNEL != 0 {
        stack.kernel = frames(program, base, 0);
    }
    let by_task = context::TASK | context::EXITING | context::KTHREAD;
    if stack.asked & Stack::USER == 0 || stack.header.context & by_task != context::TASK {
        return;
    }
    (stack.start_ns, stack.mm) = task::program();
    let into = base.wrapping_add(bytes(&stack.kernel) as usize);
    stack.user = frames(program, into, u64::from(BPF_F_USER_STACK));
    if stack.user < 8 {
        return;
    }
    // SAFETY: the helper wrote at least eight bytes there.
    let innermost = unsafe { into.cast::<u64>().read_unaligned() };
    program_state(
        into.wrapping_add(bytes(&stack.user) as usize),
        innermost,
        stack,
    );
}

/// Bytes of the whole record, as its header has them.
#[inline(always)]
fn length(stack: &Stack) -> u64 {
    // SAFETY: a field of a map's value; volatile for the reason of `bytes`.
    let size = unsafe { read_volatile(&raw const stack.header.size) };
    u64::from(size) & (ROOM as u64 - 1)
}

/// Bytes of the frames of one side, none after an error.
///
/// Read anew each time, and masked where it is used: before 5.11 the verifier forgets what it knows
/// of a number that was put aside meanwhile.
#[inline(always)]
fn bytes(side: &i16) -> u64 {
    // SAFETY: a field of a map's value.
    let told = unsafe { read_volatile(side) };
    if told < 0 { 0 } else { told as u64 & FRAMES }
}

/// Takes one side's frames and says how many bytes they are, or what the helper said.
#[inline(always)]
fn frames(program: &impl EbpfContext, into: *mut u8, flags: u64) -> i16 {
    // SAFETY: there is room for all frames behind `into`.
    unsafe { bpf_get_stack(program.as_ptr(), into.cast(), FRAMES as u32, flags) as i16 }
}

/// Writes the registers the program had when it called the kernel, and its stack's innermost part.
///
/// Where the C library makes the system call, whoever called the library is in no frame: the
/// return address is only in memory.
#[inline(always)]
fn program_state(into: *mut u8, innermost: u64, stack: &mut Stack) {
    if !has(|offsets| &offsets.regs_first) || !has(|offsets| &offsets.task_stack) {
        return;
    }
    let top = task::kernel_stack().wrapping_add(KERNEL_STACK);
    let mut registers = top.wrapping_sub(Stack::REGISTERS as u64);
    // Registers that name another innermost function are elsewhere.
    if read_at::<u64>(registers.wrapping_add(IP)) != innermost {
        registers = registers.wrapping_sub(FRED_PADDING);
    }
    let from = registers as *const c_void;
    // SAFETY: there is room for the registers behind `into`, and the helper never faults.
    unsafe { bpf_probe_read_kernel(into.cast(), Stack::REGISTERS as u32, from) };
    stack.registers = Stack::REGISTERS as u16;
    let sp: u64 = read_at(registers.wrapping_add(SP));
    let memory = into.wrapping_add(Stack::REGISTERS).cast();
    // SAFETY: there is room for the memory behind the registers, and the helper never faults.
    let read = unsafe { bpf_probe_read_user(memory, Stack::MEMORY as u32, sp as *const c_void) };
    if read == 0 {
        stack.memory = Stack::MEMORY as u16;
    }
}
