//! Tracepoint `raw_syscalls:sys_enter`, for close(2) alone: attached only when asked for, because
//! it makes every system call of the machine take the slow way in.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};

use super::held_open::closed;
use crate::kernel::{Address, files};

/// `__NR_close` of x86-64, `arch/x86/entry/syscalls/syscall_64.tbl`.
const CLOSE: u64 = 3;

/// Raw arguments: `(regs, number)`.
#[raw_tracepoint(tracepoint = "sys_enter")]
fn sys_enter_close(program: RawTracePointContext) -> u32 {
    let (regs, number): (Address, u64) = (program.arg(0), program.arg(1));
    if number != CLOSE {
        return 0;
    }
    let file = files::first_argument(regs);
    if file == 0 {
        return 0;
    }
    closed(&program, file)
}
