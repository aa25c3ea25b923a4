//! `listener_closed`: a listener went with connections in its queue.

use super::{
    page::{Page, Step},
    reset, words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    process::{Actor, Confidence},
    socket::FileRefs,
};

/// Advice for connections that were never accepted.
pub(super) const ADVICE: &str = "Accept until the queue is empty before the listener is closed, \
    or hand the listener over to the process that takes its place.";

/// `inet_csk_listen_stop` (`net/ipv4/inet_connection_sock.c`) forgot a child that nobody accepted:
/// it is in no file and yet no orphan, and `CLOSE` before its RST leaves.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let waited = act.condition.file == Some(FileRefs::None) && act.condition.dead == Some(false);
    let named = act.reason.as_ref().is_some_and(|it| it.is("TCP_STATE"));
    let sent = act.how == How::RstSent && act.provoked_by.is_none();
    let after = reset::closed_before(ending, act);
    if !(sent && waited && after && (named || reset::says_nothing(act))) {
        return None;
    }
    let confidence = match act.actor {
        Actor::Task(_) => Confidence::Exact,
        Actor::KernelThread(_) | Actor::Unknown => Confidence::Likely,
        Actor::Softirq => return None,
    };
    Some((Cause::ListenerClosed, confidence))
}

/// Whose listener it was.
pub(super) fn text(ending: &Ending, act: &Act) -> String {
    let who = words::subject(ending, act);
    let (local, remote) = (ending.flow.local, ending.flow.remote);
    let closed = words::exit_of(act).map_or_else(
        || String::from("closed its listener"),
        |exit| format!("{} and left its listener open", words::ended(exit)),
    );
    format!(
        "{who} {closed} on {local} while the connection from {remote} waited there to be \
         accepted; the kernel reset it."
    )
}

/// What `finrst explain listener_closed` shows.
pub(super) const PAGE: Page = Page {
    title: "listener_closed: a listener was closed with connections in its queue",
    happened: "\
The kernel completes handshakes by itself and queues the connections until
accept(2) takes them. When the last descriptor of the listener goes, by close or
by the end of the process, everything still in the queue is reset: the client,
which believed to be connected and may have sent its request, gets ECONNRESET.
Handshakes not complete yet are forgotten without a word. With SO_REUSEPORT each
listener has a queue of its own, and the others do not inherit it (unless
net.ipv4.tcp_migrate_req is set).",
    confirm: &[
        Step {
            run: "ss -tlnp 'sport = :PORT'",
            shows: "Recv-Q of the listener: connections that wait to be accepted",
        },
        Step {
            run: "strace -f -yy -e trace=close,accept4,exit_group -p PID",
            shows: "the close of the descriptor in state LISTEN, or the exit",
        },
        Step {
            run: "bpftrace -e 'kprobe:inet_csk_listen_stop { printf(\"%s[%d]\\n\", comm, pid); }'",
            shows: "who closes listeners",
        },
    ],
    fix: "\
On a restart hand the listener over (socket activation, SCM_RIGHTS, a supervisor
that keeps it) instead of closing it. Otherwise take the service out of the load
balancer first, accept what is queued, and only then close.",
    source: &[
        "inet_csk_listen_stop, inet_child_forget: net/ipv4/inet_connection_sock.c",
        "tcp_disconnect: net/ipv4/tcp.c; RFC 9293, section 3.10.4",
    ],
};
