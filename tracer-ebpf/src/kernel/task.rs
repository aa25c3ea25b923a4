//! The running task.
#![expect(unsafe_code, reason = "helpers are foreign functions")]

use aya_ebpf::helpers::{
    bpf_get_current_pid_tgid, bpf_get_current_task, bpf_get_current_task_btf,
    bpf_get_current_uid_gid,
};
use tracer_common::{event::context, task::Task};
use zerocopy::transmute;

use super::{Address, Structure, Typed, has, read, regs, user};
use crate::{maps::GOROUTINES, settings::setting};

/// `PF_EXITING`, `include/linux/sched.h`.
const PF_EXITING: u32 = 0x4;
/// `PF_KTHREAD`, likewise.
const PF_KTHREAD: u32 = 0x20_0000;

/// `MUTEX_FLAGS`, `kernel/locking/mutex.h`.
const MUTEX_FLAGS: u64 = 7;

/// Thread group id and thread id of the running task.
#[inline(always)]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "two ids in one word"
)]
pub(crate) fn ids() -> (u32, u32) {
    let both = bpf_get_current_pid_tgid();
    ((both >> 32) as u32, both as u32)
}

/// What the running task's flags say, as bits of [`context`].
#[inline(always)]
pub(crate) fn flags() -> u16 {
    let flags: u32 = if known() {
        typed().field(|offsets| &offsets.task_flags)
    } else {
        read(current(), |offsets| &offsets.task_flags)
    };
    let mut bits = 0;
    if flags & PF_EXITING != 0 {
        bits |= context::EXITING;
    }
    if flags & PF_KTHREAD != 0 {
        bits |= context::KTHREAD;
    }
    bits
}

/// As [`flags`], for the release of a file: also whether the task executes another program.
#[inline(always)]
pub(crate) fn flags_at_release() -> u16 {
    let flags = flags();
    if flags & context::EXITING == 0 && regs::executes() {
        flags | context::EXECUTING
    } else {
        flags
    }
}

/// Describes the running task.
#[inline(always)]
pub(crate) fn describe(task: &mut Task) {
    if known() {
        described(typed(), task);
    } else {
        described(current(), task);
    }
}

#[inline(always)]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the lower half is the uid"
)]
fn described(current: impl Structure, task: &mut Task) {
    task.comm = transmute!(current.halves(|offsets| &offsets.task_comm));
    if let Some(leader) = current.follow(|offsets| &offsets.task_group_leader) {
        task.leader_comm = transmute!(leader.halves(|offsets| &offsets.task_comm));
        task.start_ns = leader.field(|offsets| &offsets.task_start_boottime);
    }
    task.uid = bpf_get_current_uid_gid() as u32;
    task.exit_code = current.field(|offsets| &offsets.task_exit_code);
    task.goroutine = goroutine(current);
}

/// Describes the running task where the event is its doing.
#[inline(always)]
pub(crate) fn describe_actor(by: u16, task: &mut Task) {
    if by & context::TASK != 0 {
        describe(task);
    }
}

/// The goroutine the running task runs for; zero when it runs for none, or is not of Go.
///
/// A thread points to its `g`, the `g` to its `m`, and the `m` back: what does not is no `g`.
#[inline(always)]
fn goroutine(current: impl Structure) -> u64 {
    if !has(|offsets| &offsets.task_fsbase) {
        return 0;
    }
    let (tgid, _) = ids();
    let Some(known) = GOROUTINES.get_ptr(tgid) else {
        return 0;
    };
    // SAFETY: the pointer came from the map in this run; user space writes a process's value once.
    let at = unsafe { core::ptr::read(known) };
    let thread: Address = current.field(|offsets| &offsets.task_fsbase);
    let running: Address = user(thread.wrapping_add_signed(i64::from(at.tls)));
    let machine: Address = user(running.wrapping_add(u64::from(at.m)));
    let current: Address = user(machine.wrapping_add(u64::from(at.curg)));
    // On its stack for the scheduler and for C, a thread still runs for its current goroutine.
    let scheduler: Address = user(machine);
    let back: Address = user(current.wrapping_add(u64::from(at.m)));
    if machine == 0 || back != machine || (running != current && running != scheduler) {
        return 0;
    }
    user(current.wrapping_add(u64::from(at.goid)))
}

/// The running process is another program now, or none: what was known of its memory is not so.
#[inline(always)]
pub(crate) fn forget_goroutines() {
    let (tgid, _) = ids();
    // Of most processes nothing was known.
    let _ = GOROUTINES.remove(tgid);
}

/// Whether the running thread is the first of its process.
#[inline(always)]
pub(crate) fn is_leader() -> bool {
    let (process, thread) = ids();
    process == thread
}

/// The name of the running task's thread group leader; all zero when it cannot be read.
#[inline(always)]
pub(crate) fn current_leader_comm() -> [u8; 16] {
    leader_comm(read(current(), |offsets| &offsets.task_group_leader))
}

#[inline(always)]
fn leader_comm(leader: Address) -> [u8; 16] {
    read(leader, |offsets| &offsets.task_comm)
}

/// Thread group id and thread id of a `task_struct`.
#[inline(always)]
pub(crate) fn ids_of(task: Address) -> (u32, u32) {
    let tgid = read(task, |offsets| &offsets.task_tgid);
    (tgid, read(task, |offsets| &offsets.task_pid))
}

/// Whether the running task is executing another program, and closing what that must not inherit.
///
/// It holds `cred_guard_mutex` from before that until after (`begin_new_exec`, `setup_new_exec`,
/// `fs/exec.c`); a debugger that attaches takes the lock as somebody else.
#[inline(always)]
pub(crate) fn executes() -> bool {
    let current = current();
    let signal: Address = read(current, |offsets| &offsets.task_signal);
    let owner: Address = read(signal, |offsets| &offsets.signal_exec_lock);
    owner & !MUTEX_FLAGS == current
}

/// Start of the running task's process, nanoseconds of `CLOCK_BOOTTIME`.
#[inline(always)]
pub(crate) fn start() -> u64 {
    let leader = read(current(), |offsets| &offsets.task_group_leader);
    read(leader, |offsets| &offsets.task_start_boottime)
}

/// Start of the running task's process, and the address of its address space.
#[inline(always)]
pub(crate) fn program() -> (u64, Address) {
    let current = current();
    let leader = read(current, |offsets| &offsets.task_group_leader);
    (
        read(leader, |offsets| &offsets.task_start_boottime),
        read(current, |offsets| &offsets.task_mm),
    )
}

/// The lowest address of the running task's kernel stack.
#[inline(always)]
pub(crate) fn kernel_stack() -> Address {
    read(current(), |offsets| &offsets.task_stack)
}

/// The running task's open files.
#[inline(always)]
pub(crate) fn files() -> Address {
    read(current(), |offsets| &offsets.task_files)
}

/// Bits that tell a 32-bit system call on x86; zero elsewhere.
#[inline(always)]
pub(crate) fn compat_status() -> u32 {
    read(current(), |offsets| &offsets.task_compat_status)
}

/// Whether the kernel gives the running task as what the verifier knows: a constant to it.
#[inline(always)]
fn known() -> bool {
    setting(|settings| &settings.has_task_btf) != 0
}

/// The running `task_struct`, where it is known.
#[inline(always)]
fn typed() -> Typed {
    // SAFETY: no arguments, no preconditions.
    Typed::given(unsafe { bpf_get_current_task_btf() })
}

/// The running `task_struct`.
#[inline(always)]
fn current() -> Address {
    // SAFETY: no arguments, no preconditions.
    unsafe { bpf_get_current_task() }
}
