//! `app_shutdown_write`: a process shut its sending side.

use super::{
    address::address,
    delay,
    page::{Page, Step},
    words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Call, Ending, How},
    process::{Actor, Confidence},
    socket::FileRefs,
};

/// `tcp_shutdown` (`net/ipv4/tcp.c`) sent a FIN while a descriptor is still open.
///
/// RFC 9293, section 3.6.1. A FIN sent in softirq was asked for earlier, when the handshake was
/// not complete yet, by a call that cannot be named any more.
pub(super) fn rule(_: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    if act.how != How::FinSent || act.call != Some(Call::Shutdown) {
        return None;
    }
    let held = act.condition.file == Some(FileRefs::Held);
    let confidence = match act.actor {
        Actor::Task(_) if held => Confidence::Exact,
        Actor::Task(_) | Actor::KernelThread(_) | Actor::Softirq | Actor::Unknown => {
            Confidence::Likely
        }
    };
    Some((Cause::AppShutdownWrite, confidence))
}

/// Who shut what, and whether it still reads.
pub(super) fn text(ending: &Ending, act: &Act) -> String {
    let who = words::subject(ending, act);
    let remote = address(ending.flow.remote);
    let sides = match act.condition.shutdown {
        Some((true, _)) => "both directions of the connection",
        Some((false, _)) | None => "its sending side of the connection",
    };
    let unsent = match act.condition.unsent {
        Some(count) if count > 0 => format!(" behind {} not sent yet", words::bytes(count)),
        Some(_) | None => String::new(),
    };
    let answer = words::followed_by(ending, act, How::FinReceived)
        .map(|(_, later)| format!(" The peer's FIN arrived {later} later."))
        .unwrap_or_default();
    let call = ending.close_called.filter(|it| it.seen && it.at >= act.at);
    let (kept, closed) = match call {
        Some(call) => {
            let later = words::Duration(call.at.since(act.at));
            ("", format!(" The socket was closed {later} after it."))
        }
        None if ending.condition.dead == Some(true) => (
            "",
            String::from(" The socket was closed as well, before the end."),
        ),
        None => (" and kept the socket", String::new()),
    };
    let waiting = delay::waiting(ending, act);
    format!(
        "{who} shut {sides} to {remote}{kept}; the kernel queued a FIN{unsent}.{waiting}{closed}{answer}"
    )
}

/// What `finrst explain app_shutdown_write` shows.
pub(super) const PAGE: Page = Page {
    title: "app_shutdown_write: a process shut its sending side",
    happened: "\
A process called shutdown(2) with SHUT_WR or SHUT_RDWR and kept the descriptor.
The kernel queued a FIN behind unsent data and went to FIN_WAIT1 (LAST_ACK after
the peer's FIN). With SHUT_WR the connection is half closed: the peer reads end
of file and may go on sending. It ends when the peer closes too; while the
descriptor is held, FIN_WAIT2 has no time limit.",
    confirm: &[
        Step {
            run: "strace -f -yy -e trace=shutdown,close -p PID",
            shows: "shutdown(FD, SHUT_WR) before any close of the same descriptor",
        },
        Step {
            run: "ss -tanpo state fin-wait-2",
            shows: "the half-closed socket with the process that holds it",
        },
        Step {
            run: "bpftrace -e 'kprobe:tcp_shutdown { printf(\"%s[%d] how=%d\\n\", comm, pid, arg1); }'",
            shows: "every caller; how is a mask, 1 for the receiving and 2 for the sending direction",
        },
    ],
    fix: "\
Nothing, where the protocol uses the half close as end of request. Otherwise
read until end of file and close: a half-closed connection whose peer never
closes stays in FIN_WAIT2 for as long as the process keeps the descriptor.",
    source: &[
        "tcp_shutdown: net/ipv4/tcp.c",
        "tcp_send_fin: net/ipv4/tcp_output.c",
        "RFC 9293, section 3.6.1; RFC 1122, section 4.2.2.13",
    ],
};
