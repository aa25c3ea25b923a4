//! `exec_cloexec`: another program was executed, and close-on-exec closed the socket.

use super::{
    address::address,
    close,
    page::{Page, Step},
    words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    process::{Actor, Confidence, Task},
};

/// Advice for a connection that did not survive execve(2).
pub(super) const ADVICE: &str = "If the new program was to inherit the connection, clear \
    FD_CLOEXEC on its descriptor before execve(2).";

/// `do_close_on_exec` (`fs/file.c`) released the file while the task held `cred_guard_mutex`.
pub(super) fn rule(_: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let executing = task(act).is_some_and(|task| task.executing);
    (executing && close::ends_by_close(act)).then_some((Cause::ExecCloexec, Confidence::Exact))
}

/// Who became which program, and what became of the connection.
pub(super) fn text(ending: &Ending, act: &Act) -> String {
    let who = words::subject(ending, act);
    let remote = address(ending.flow.remote);
    let what = if act.how == How::Destroyed {
        "sent nothing, because it was not connected yet"
    } else {
        "queued a FIN"
    };
    format!(
        "{who} is the program that the process executed; the connection to {remote} was marked \
         close-on-exec, so the kernel closed it and {what}."
    )
}

fn task(act: &Act) -> Option<&Task> {
    match &act.actor {
        Actor::Task(task) => Some(task),
        Actor::KernelThread(_) | Actor::Softirq | Actor::Unknown => None,
    }
}

/// What `finrst explain exec_cloexec` shows.
pub(super) const PAGE: Page = Page {
    title: "exec_cloexec: another program was executed",
    happened: "\
A process called execve(2) while it held the last descriptor of the socket, and
the descriptor had FD_CLOEXEC set (SOCK_CLOEXEC does that at birth; Go, Python
and Rust set it on every socket). The kernel closed it before the new program
began, which sent a FIN as a close(2) would. The process keeps its pid; its name
is the new program's by then. Nobody called close.",
    confirm: &[
        Step {
            run: "strace -f -yy -e trace=execve,execveat,fcntl,socket,accept4 -p PID",
            shows: "the execve, and FD_CLOEXEC or SOCK_CLOEXEC on the descriptor before it",
        },
        Step {
            run: "grep flags /proc/PID/fdinfo/FD",
            shows: "flags with the octal bit 02000000 while the descriptor is marked close-on-exec",
        },
        Step {
            run: "bpftrace -e 'tracepoint:sched:sched_process_exec { printf(\"%d is %s\\n\", pid, comm); }'",
            shows: "which program each process became, at the time of the FIN",
        },
    ],
    fix: "\
Nothing, where the new program is not to have the connection; that is what the
mark is for. To hand a connection over, clear FD_CLOEXEC with fcntl(2) in the
child just before execve, and tell the program the number.",
    source: &[
        "begin_new_exec: fs/exec.c; do_close_on_exec: fs/file.c",
        "__tcp_close: net/ipv4/tcp.c",
        "execve(2); RFC 9293, section 3.10.4",
    ],
};
