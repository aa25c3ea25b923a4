//! Tasks off the wire, and who of them acted: a bystander on the CPU never does.

use tracer_common::{
    event::{Header, context},
    task as wire,
};

use crate::model::process::{Actor, Comm, Exit, Task};

/// Who acted, in a record that says who was running.
pub(super) fn actor(header: &Header, raw: &wire::Task) -> Actor {
    if header.context & context::TASK == 0 {
        return actor_without_task(header);
    }
    let task = task(header, raw);
    if header.context & context::KTHREAD == 0 {
        Actor::Task(task)
    } else {
        Actor::KernelThread(task)
    }
}

/// Who acted, in a record that has no name for whoever was running.
pub(super) const fn actor_without_task(header: &Header) -> Actor {
    // A hook that saw a task act says TASK even when the segment was handled in its softirq.
    if header.context & (context::TASK | context::SOFTIRQ) == context::SOFTIRQ {
        Actor::Softirq
    } else {
        Actor::Unknown
    }
}

/// The running task, whether it acted or not.
pub(super) fn task(header: &Header, raw: &wire::Task) -> Task {
    let comm = Comm(raw.comm);
    let leader_comm = Comm(raw.leader_comm);
    let exiting = header.context & context::EXITING != 0;
    Task {
        pid: header.tgid,
        tid: header.tid,
        comm,
        process_comm: if leader_comm.is_empty() {
            comm
        } else {
            leader_comm
        },
        start_ns: (raw.start_ns != 0).then_some(raw.start_ns),
        uid: raw.uid,
        goroutine: (raw.goroutine != 0).then_some(raw.goroutine),
        exit: exiting.then(|| exit(raw.exit_code)),
        executing: header.context & context::EXECUTING != 0,
    }
}

/// Splits an exit code as `wait(2)` does: the signal in bits 0 to 6, bit 7 for a core dump, the
/// status in bits 8 to 15.
const fn exit(code: u32) -> Exit {
    let [low, status, _, _] = code.to_le_bytes();
    match low & 0x7f {
        0 => Exit::Status(status),
        signal => Exit::Signal(signal),
    }
}
