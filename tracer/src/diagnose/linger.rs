//! `linger_zero`: a close that asked for a reset.

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

/// Advice for a reset that was asked for.
pub(super) const ADVICE: &str = "If the peer must get all data, do not set SO_LINGER to zero \
    (SetLinger(0) in Go); a plain close delivers what is queued.";

/// `__tcp_close` calls `tcp_disconnect` (`net/ipv4/tcp.c`) when `SO_LINGER` is on with time zero.
///
/// The kernel's reason is `TCP_STATE`, in `CLOSING` and `LAST_ACK` `TCP_DISCONNECT_WITH_DATA`;
/// both also stand for `connect(AF_UNSPEC)`, closing listeners and `SOCK_DESTROY`, which
/// [`reset::by_close`] tells apart.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let named = act
        .reason
        .as_ref()
        .is_some_and(|reason| reason.is("TCP_STATE") || reason.is("TCP_DISCONNECT_WITH_DATA"));
    if !named && !reset::says_nothing(act) {
        return None;
    }
    let unread_is_out = named || act.condition.unread == Some(0);
    let confidence = match (reset::by_close(ending, act), act.condition.linger) {
        (ByClose::Proved, Some(Some(0))) if unread_is_out => Confidence::Exact,
        (ByClose::Proved | ByClose::Possible, Some(Some(0))) => Confidence::Likely,
        (ByClose::Proved, None) if named => Confidence::Likely,
        (ByClose::Proved | ByClose::Possible | ByClose::No, _) => return None,
    };
    Some((Cause::LingerZero, confidence))
}

/// Who asked for the reset, and what it dropped.
pub(super) fn text(ending: &Ending, act: &Act) -> String {
    let who = words::subject(ending, act);
    let remote = address(ending.flow.remote);
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
    // A queued FIN takes one number of the sequence space that is not data.
    let fin = u32::from(ending.acts.iter().any(|other| other.how == How::FinSent));
    let dropped = match act.condition.unacked.map(|count| count.saturating_sub(fin)) {
        Some(0) => String::from(", and no data was lost by it"),
        Some(count) => format!(
            " and dropped {} that the peer had not acknowledged",
            words::bytes(count)
        ),
        None => String::new(),
    };
    format!(
        "{who} {closed} with SO_LINGER on and a time of zero, so the kernel sent an RST{dropped}."
    )
}

/// What `finrst explain linger_zero` shows.
pub(super) const PAGE: Page = Page {
    title: "linger_zero: a close that asked for a reset",
    happened: "\
The socket had SO_LINGER on with a time of zero when its last descriptor was
closed. That asks for an abort: the kernel sent an RST, dropped all data that
was unsent or not acknowledged, and kept no TIME_WAIT. The peer's next read or
write fails with ECONNRESET. Current kernels state the reason TCP_STATE for it,
which they also use for other aborts.",
    confirm: &[
        Step {
            run: "strace -f -yy -e trace=setsockopt,close -p PID",
            shows: "setsockopt(FD, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=0}, 8), then close(FD)",
        },
        Step {
            run: "nstat -az TcpExtTCPAbortOnData",
            shows: "it grows by one for each (and for data that comes after a close)",
        },
        Step {
            run: "bpftrace -e 'kprobe:tcp_disconnect { printf(\"%s[%d] %s\\n\", comm, pid, kstack(6)); }'",
            shows: "the process, with __tcp_close or tcp_close in the stack",
        },
    ],
    fix: "\
Take the option out (SetLinger(0) in Go, setSoLinger(true, 0) in Java). It is
often set to avoid TIME_WAIT; let the client close first, or widen the local
port range, instead. Health checks and load generators set it on purpose.",
    source: &[
        "__tcp_close, tcp_disconnect: net/ipv4/tcp.c",
        "socket(7), SO_LINGER",
        "RFC 9293, section 3.10.5",
    ],
};
