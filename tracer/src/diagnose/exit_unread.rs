//! `process_exit_with_unread_data`: a process ended and left received data unread.

use super::{
    page::{Page, Step},
    unread, words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending},
    process::Confidence,
};

/// Advice for a process that ended over unread data.
pub(super) const ADVICE: &str = "Find out why the process ended; if it was told to, let it finish \
    what it received before it exits.";

/// As `closed_with_unread_data`, but nobody closed: `exit_files` (`fs/file.c`) did.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    words::exit_of(act)?;
    let (_, confidence) = unread::rule(ending, act)?;
    Some((Cause::ProcessExitWithUnreadData, confidence))
}

/// What `finrst explain process_exit_with_unread_data` shows.
pub(super) const PAGE: Page = Page {
    title: "process_exit_with_unread_data: the process ended over unread data",
    happened: "\
A process exited or was killed while data the peer had sent lay unread in the
receive queue of its socket. The kernel released its files on the way out, and
each socket among them was closed as by close(2); with data unread that means an
RST instead of a FIN. So a killed server resets the clients whose requests it
had not read yet, and sends a FIN to the idle ones. The peer cannot tell it from
a wanted close with unread data.",
    confirm: &[
        Step {
            run: "strace -f -e trace=exit_group -e signal=all -p PID",
            shows: "exit_group(STATUS), or the signal with the process that sent it (si_pid)",
        },
        Step {
            run: "nstat -az TcpExtTCPAbortOnClose",
            shows: "closes that threw data away; it grows by one for each such connection",
        },
        Step {
            run: "dmesg --ctime | grep -i 'killed process'",
            shows: "kills by the kernel when memory ran out",
        },
        Step {
            run: "ss -tanp 'sport = :PORT'",
            shows: "Recv-Q above zero while the process does not read",
        },
    ],
    fix: "\
On SIGTERM stop accepting, read and answer what is under way, close, then exit,
and give the supervisor's timeout room for that. A crash or a kill for want of
memory is found in the log of the service or the kernel's.",
    source: &[
        "do_exit: kernel/exit.c; __tcp_close: net/ipv4/tcp.c",
        "RFC 2525, section 2.17; RFC 1122, section 4.2.2.13",
    ],
};
