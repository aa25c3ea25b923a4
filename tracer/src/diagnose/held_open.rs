//! `close_other_holders`: a descriptor was closed, and another one keeps the connection open.

use super::{
    address::address,
    page::{Page, Step},
    words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    holder::Holder,
    process::Confidence,
};

/// Advice for a close that ended nothing.
pub(super) const ADVICE: &str = "The peer sees nothing until the last descriptor is closed: close \
    it wherever it was duplicated, inherited or sent to, or call shutdown(2), which does not wait.";

/// The file still had references when the descriptor went (`filp_flush`, `fs/open.c`), so `__fput`
/// and with it `tcp_close` did not run.
pub(super) fn rule(_: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    (act.how == How::HeldOpen).then_some((Cause::CloseOtherHolders, Confidence::Exact))
}

/// Who closed, and who holds it still.
pub(super) fn text(ending: &Ending, act: &Act) -> String {
    let who = words::subject(ending, act);
    let remote = address(ending.flow.remote);
    let left = match ending.holders.as_deref() {
        Some([]) => String::from(
            "no process has a descriptor of it, but a running call or a message under way keeps it",
        ),
        Some([only]) => format!("{} still holds it", descriptor(only)),
        Some(several) => {
            let names: Vec<_> = several.iter().map(descriptor).collect();
            format!("{} still hold it", names.join(", "))
        }
        None => String::from("something else still refers to it"),
    };
    format!("{who} closed a descriptor of the connection to {remote}; {left}, so nothing was sent.")
}

fn descriptor(holder: &Holder) -> String {
    let process = words::process(&holder.task());
    match holder.fd {
        Some(fd) => format!("{process} (descriptor {fd})"),
        None => process,
    }
}

/// What `finrst explain close_other_holders` shows.
pub(super) const PAGE: Page = Page {
    title: "close_other_holders: a close that ended nothing",
    happened: "\
A process closed a descriptor of a connected socket, but the file behind it had
more references: a copy by dup(2) or fcntl(2) (Go's TCPConn.File makes one), a
descriptor a child inherited by fork(2), one sent over a Unix socket
(SCM_RIGHTS), or a system call of another thread that was still using it. The
kernel ends a connection when the last reference goes, so it sent neither FIN
nor RST; the peer waits on. The real ending is told later, with the time that
passed in between, when the last holder closes.",
    confirm: &[
        Step {
            run: "ss -tanp 'dport = :PORT or sport = :PORT'",
            shows: "every process and descriptor that still refers to the connection",
        },
        Step {
            run: "ls -l /proc/*/fd 2>/dev/null | grep 'socket:.INODE.'",
            shows: "the same by inode (ss -e shows it after ino:)",
        },
        Step {
            run: "strace -f -yy -e trace=close,dup,dup2,dup3,fcntl,clone,sendmsg,recvmsg -p PID",
            shows: "where the other descriptor came from",
        },
    ],
    fix: "\
Close the copies: set close-on-exec (SOCK_CLOEXEC, O_CLOEXEC, accept4) so that
children do not inherit sockets, close in the parent what was handed to a child,
and in Go close the File as well as the connection. Where the peer must learn of
the end at once, call shutdown(2) first: it works on the connection itself.",
    source: &[
        "filp_flush, filp_close: fs/open.c; fput, __fput: fs/file_table.c",
        "sock_close: net/socket.c; inet_release: net/ipv4/af_inet.c",
        "unix(7), SCM_RIGHTS; close(2), notes on multithreaded processes",
    ],
};
