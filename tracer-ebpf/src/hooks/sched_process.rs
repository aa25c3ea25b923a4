//! Tracepoints `sched:sched_process_exit`, `_exec` and `_fork`.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use tracer_common::event::{Kind, ProcessExeced, ProcessExited, ProcessForked, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter,
    kernel::{Address, task},
};

#[raw_tracepoint(tracepoint = "sched_process_exit")]
fn sched_process_exit(program: RawTracePointContext) -> u32 {
    if task::is_leader() {
        task::forget_goroutines();
    }
    if !wanted(Kind::ProcessExited) || !filter::running_task() {
        return 0;
    }
    let mut record = ProcessExited::new_zeroed();
    record.header = header::<ProcessExited>(context::TASK | task::flags());
    task::describe(&mut record.task);
    emit(&program, Lane::States, &mut record);
    0
}

#[raw_tracepoint(tracepoint = "sched_process_exec")]
fn sched_process_exec(program: RawTracePointContext) -> u32 {
    task::forget_goroutines();
    if !wanted(Kind::ProcessExeced) || !filter::running_task() {
        return 0;
    }
    let mut record = ProcessExeced::new_zeroed();
    record.header = header::<ProcessExeced>(context::TASK | task::flags());
    task::describe(&mut record.task);
    emit(&program, Lane::States, &mut record);
    0
}

/// Raw arguments: `(parent, child)`, both `task_struct`; runs in the parent.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
fn sched_process_fork(program: RawTracePointContext) -> u32 {
    let child: Address = program.arg(1);
    let (parent_tgid, _) = task::ids();
    let (child_tgid, child_thread) = task::ids_of(child);
    filter::follow(parent_tgid, child_tgid);
    if !wanted(Kind::ProcessForked) || !filter::running_task() {
        return 0;
    }
    let mut record = ProcessForked::new_zeroed();
    record.header = header::<ProcessForked>(context::TASK | task::flags());
    task::describe(&mut record.task);
    record.child_tgid = child_tgid;
    record.child_tid = child_thread;
    emit(&program, Lane::States, &mut record);
    0
}
