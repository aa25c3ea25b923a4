//! `closed_with_unread_data`: a close threw received data away.

use super::{
    address::address,
    page::{Page, Step},
    reset::{self, ByClose},
    words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    process::{Actor, Confidence},
};

/// Advice for a close that threw data away.
pub(super) const ADVICE: &str = "Read until end of file before closing, or shut the sending side \
    and drain what the peer still sends; the peer may lose data it has not read yet.";

/// `__tcp_close` (`net/ipv4/tcp.c`) found data in the receive queue.
///
/// RFC 2525, section 2.17. The kernel's own `TCP_ABORT_ON_CLOSE` is proof once the state was
/// `CLOSE`: an MPTCP fast close states it too, with the socket still connected. Without a reason
/// the unread bytes tell; the kernel looks at them before it looks at `SO_LINGER`. Older kernels
/// count data that was read but is still in the queue, so with none unread and no lingering this
/// is the one way left to send this RST.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let named = act
        .reason
        .as_ref()
        .is_some_and(|reason| reason.is("TCP_ABORT_ON_CLOSE"));
    let confidence = if named {
        by_reason(ending, act)?
    } else if reset::says_nothing(act) {
        by_facts(ending, act)?
    } else {
        return None;
    };
    Some((Cause::ClosedWithUnreadData, confidence))
}

fn by_reason(ending: &Ending, act: &Act) -> Option<Confidence> {
    match act.state {
        Some(_) if reset::closed_before(ending, act) => Some(Confidence::Exact),
        Some(_) => None,
        // The transition before it was lost.
        None => Some(Confidence::Likely),
    }
}

fn by_facts(ending: &Ending, act: &Act) -> Option<Confidence> {
    let unread = act.condition.unread;
    let lingers = act.condition.linger.map(|linger| linger.is_some());
    match (reset::by_close(ending, act), unread, lingers) {
        (ByClose::Proved, Some(1..), _) => Some(Confidence::Exact),
        (ByClose::Possible, Some(1..), _) | (ByClose::Proved, Some(0), Some(false)) => {
            Some(Confidence::Likely)
        }
        (ByClose::Proved | ByClose::Possible | ByClose::No, ..) => None,
    }
}

/// Who threw how much away.
pub(super) fn text(ending: &Ending, act: &Act) -> String {
    let who = words::subject(ending, act);
    let remote = address(ending.flow.remote);
    let left = match act.condition.unread {
        Some(count) if count > 0 => format!("{} received and never read", words::bytes(count)),
        Some(_) | None => String::from("received data still in its queue"),
    };
    let exit = match &act.actor {
        Actor::Task(task) => task.exit,
        Actor::KernelThread(_) | Actor::Softirq | Actor::Unknown => None,
    };
    let closed = exit.map_or_else(
        || format!("closed the connection to {remote}"),
        |exit| {
            format!(
                "{} and left the connection to {remote} open",
                words::ended(exit)
            )
        },
    );
    let instead = if ending.acts.iter().any(|other| other.how == How::FinSent) {
        "an RST after the FIN"
    } else {
        "an RST instead of a FIN"
    };
    format!("{who} {closed} with {left}, so the kernel sent {instead}.")
}

/// What `finrst explain closed_with_unread_data` shows.
pub(super) const PAGE: Page = Page {
    title: "closed_with_unread_data: a close threw received data away",
    happened: "\
A process closed the socket, or ended, while data the peer had sent lay unread
in the receive queue. A FIN would tell the peer that all its data arrived, which
is not so; the kernel sends an RST and forgets the connection at once, without
TIME_WAIT. The peer's next read fails with ECONNRESET, and data that it had
received but not read yet can be lost as well, often the end of the very
response this process sent last. Kernels before 7.0, stable backports aside,
also count data that was read but still sits in the queue: there an RST with no
byte unread is possible.",
    confirm: &[
        Step {
            run: "nstat -az TcpExtTCPAbortOnClose",
            shows: "the count of such closes; it grows by one for each",
        },
        Step {
            run: "ss -tanp 'sport = :PORT'",
            shows: "Recv-Q above zero just before the close",
        },
        Step {
            run: "strace -f -yy -e trace=read,recvfrom,recvmsg,close,exit_group -p PID",
            shows: "no read that returns 0 before the close of the descriptor",
        },
        Step {
            run: "tcpdump -ni any 'tcp[tcpflags] & tcp-rst != 0 and port PORT'",
            shows: "[R.] from this host with no [F.] before it (this filter matches IPv4 only)",
        },
    ],
    fix: "\
Read to end of file before close. A server that rejects a request early should
answer, shut its sending side, and read and drop the rest with a limit on time
and bytes before it closes.",
    source: &[
        "__tcp_close: net/ipv4/tcp.c",
        "RFC 2525, section 2.17; RFC 1122, section 4.2.2.13; RFC 9293, section 3.6.1",
    ],
};
