//! `process_exit`: the kernel closed the sockets of a process that ended.

use super::{
    address::address,
    close, delay,
    page::{Page, Step},
    words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    process::{Actor, Confidence, Task},
};

/// Advice for a process that ended with connections open.
pub(super) const ADVICE: &str = "If the process should have closed the connection itself, find \
    out why it ended: its status or signal is in the evidence.";

/// An exiting task released the file: `exit_files` (`fs/file.c`), then `__tcp_close`.
///
/// A process that exits with unread data or `SO_LINGER` zero sends an RST, and that is told by
/// those causes.
pub(super) fn rule(_: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    if !close::ends_by_close(act) {
        return None;
    }
    task(act)?.exit?;
    Some((Cause::ProcessExit, Confidence::Exact))
}

/// Who ended, how, and what became of the connection.
pub(super) fn text(ending: &Ending, act: &Act) -> String {
    let who = words::subject(ending, act);
    let remote = address(ending.flow.remote);
    let ended = task(act)
        .and_then(|task| task.exit)
        .map_or_else(|| String::from("ended"), words::ended);
    let what = if act.how == How::Destroyed {
        "the kernel closed the socket before it was connected and sent nothing"
    } else {
        "the kernel closed it and queued a FIN"
    };
    let unsent = match act.condition.unsent {
        Some(count) if count > 0 => format!(" behind {} not sent yet", words::bytes(count)),
        Some(_) | None => String::new(),
    };
    let late = words::let_go(ending, act);
    let waiting = delay::waiting(ending, act);
    format!(
        "{who} {ended} and left the connection to {remote} open; {what}{unsent}.{waiting}{late}"
    )
}

fn task(act: &Act) -> Option<&Task> {
    match &act.actor {
        Actor::Task(task) => Some(task),
        Actor::KernelThread(_) | Actor::Softirq | Actor::Unknown => None,
    }
}

/// What `finrst explain process_exit` shows.
pub(super) const PAGE: Page = Page {
    title: "process_exit: the process ended with the connection open",
    happened: "\
A process exited or was killed while it held the last descriptor of the socket.
On the way out the kernel released its files, and each socket among them was
closed as by close(2): a FIN, whatever the status or signal was. The peer cannot
tell it from a wanted close. SO_LINGER with a time never delays an exiting
process. With unread data or SO_LINGER zero the kernel sends an RST instead, and
the cause is process_exit_with_unread_data or linger_zero.",
    confirm: &[
        Step {
            run: "strace -f -e trace=exit_group -e signal=all -p PID",
            shows: "exit_group(STATUS), or the signal with the process that sent it (si_pid)",
        },
        Step {
            run: "bpftrace -e 'tracepoint:signal:signal_generate /args->sig == 9/ { printf(\"%s[%d] kills %s[%d]\\n\", comm, pid, args->comm, args->pid); }'",
            shows: "who sends SIGKILL to whom",
        },
        Step {
            run: "dmesg --ctime | grep -i 'killed process'",
            shows: "kills by the kernel when memory ran out",
        },
    ],
    fix: "\
On SIGTERM stop accepting, finish what is in flight, close, then exit; give the
supervisor's timeout enough room for that before it sends SIGKILL. A signal such
as SIGSEGV or SIGABRT is a crash, and a kill without a sender in sight is often
the memory limit of the container.",
    source: &[
        "do_exit: kernel/exit.c; exit_files: fs/file.c; __fput: fs/file_table.c",
        "inet_release: net/ipv4/af_inet.c; __tcp_close: net/ipv4/tcp.c",
        "RFC 9293, section 3.10.4",
    ],
};
