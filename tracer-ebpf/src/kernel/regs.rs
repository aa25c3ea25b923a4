//! Which system call the running task is in.
#![expect(unsafe_code, reason = "helpers are foreign functions")]

use aya_ebpf::helpers::{bpf_get_current_task, bpf_get_current_task_btf, bpf_task_pt_regs};

use super::{Address, has, read};
use crate::settings::setting;

/// `THREAD_SIZE` of x86-64, `arch/x86/include/asm/page_64_types.h`.
const STACK: u64 = 16_384;
/// `sizeof(struct pt_regs)` of x86-64, `arch/x86/include/asm/ptrace.h`.
const REGISTERS: u64 = 168;

/// `execve` and `execveat` of x86-64, `arch/x86/entry/syscalls/syscall_64.tbl`.
const X86: [u64; 2] = [59, 322];
/// The same of 64-bit ARM, `include/uapi/asm-generic/unistd.h`.
const ARM: [u32; 2] = [221, 281];

/// Whether the running task is on its way out of `execve(2)`.
///
/// Files that it closes are released when all locks are given back already (`fput`, `task_work`); the
/// number of the call stays until the task is back in user space.
#[inline(always)]
pub(super) fn executes() -> bool {
    let registers = registers();
    if has(|offsets| &offsets.regs_orig_ax) {
        let number: u64 = read(registers, |offsets| &offsets.regs_orig_ax);
        return X86.contains(&number);
    }
    let number: u32 = read(registers, |offsets| &offsets.regs_syscallno);
    ARM.contains(&number)
}

/// Where the registers of user space are kept; before 5.15 only known of x86-64, where nothing lay
/// above them yet.
#[inline(always)]
fn registers() -> Address {
    if setting(|settings| &settings.has_task_pt_regs) != 0 {
        // SAFETY: no arguments, no preconditions.
        let task = unsafe { bpf_get_current_task_btf() };
        // SAFETY: the task is the running one.
        return unsafe { bpf_task_pt_regs(task) }.cast_unsigned();
    }
    if !has(|offsets| &offsets.regs_orig_ax) {
        return 0;
    }
    // SAFETY: no arguments, no preconditions.
    let task = unsafe { bpf_get_current_task() };
    let stack: Address = read(task, |offsets| &offsets.task_stack);
    stack.wrapping_add(STACK - REGISTERS)
}
