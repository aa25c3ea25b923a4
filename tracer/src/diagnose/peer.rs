//! `peer_closed` and `peer_reset`: what arrived from the other end.

use super::{
    address::address,
    page::{Page, Step},
    words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    process::Confidence,
    state::TcpState,
};

/// `tcp_fin` (`net/ipv4/tcp_input.c`) took the peer's FIN: RFC 9293, section 3.10.7.4.
pub(super) fn closed(_: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    (act.how == How::FinReceived).then_some((Cause::PeerClosed, Confidence::Exact))
}

/// `tcp_reset` (`net/ipv4/tcp_input.c`) ran and no RST of ours answered: RFC 9293, section 3.5.3.
///
/// Likely where only the error it leaves was seen: an act observed at its entry finds none.
pub(super) fn reset(_: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    if act.how != How::RstReceived {
        return None;
    }
    let confidence = if only_the_error(act) {
        Confidence::Likely
    } else {
        Confidence::Exact
    };
    Some((Cause::PeerReset, confidence))
}

fn only_the_error(act: &Act) -> bool {
    act.condition.err.is_some_and(|err| err != 0)
}

/// Who closed, and how this side reacted.
pub(super) fn closed_text(ending: &Ending, act: &Act) -> String {
    let remote = address(ending.flow.remote);
    let first = if act.state.is_some_and(|state| {
        matches!(
            state,
            TcpState::FinWait1 | TcpState::FinWait2 | TcpState::Closing
        )
    }) {
        "after this one had"
    } else {
        "first"
    };
    let reaction = match words::followed_by(ending, act, How::FinSent) {
        Some((fin, later)) => format!(
            " {} answered with its own FIN {later} later.",
            words::subject(ending, fin)
        ),
        None if open_here(ending) => {
            let owner = words::owner(ending);
            format!(" This side is still open (CLOSE_WAIT), held by {owner}.")
        }
        None => String::new(),
    };
    format!("The peer {remote} closed its side {first}.{reaction}")
}

/// Advice for a peer that closed: none when this side closed as well.
pub(super) fn closed_advice(ending: &Ending) -> &'static str {
    if open_here(ending) {
        "Close the socket when a read returns end of file; until then it stays in CLOSE_WAIT and \
         holds a descriptor."
    } else {
        ""
    }
}

fn open_here(ending: &Ending) -> bool {
    let last = ending.states.last().map(|state| state.to);
    ending.destroyed.is_none() && last == Some(TcpState::CloseWait)
}

/// Who reset, in which state, and what this side had done before.
pub(super) fn reset_text(ending: &Ending, act: &Act) -> String {
    let remote = address(ending.flow.remote);
    let owner = words::owner(ending);
    let state = act
        .state
        .map_or_else(String::new, |state| format!(" in {}", state.name()));
    let before = ending
        .acts
        .iter()
        .rfind(|other| other.how == How::FinSent && other.at <= act.at)
        .map(|fin| {
            format!(
                ", {} after this side's FIN",
                words::Duration(act.at.since(fin.at))
            )
        })
        .unwrap_or_default();
    let lost = match act.condition.unacked {
        Some(count) if count > 0 && before.is_empty() => {
            let were = if count == 1 { "was" } else { "were" };
            format!("; {} {were} not acknowledged", words::bytes(count))
        }
        Some(_) | None => String::new(),
    };
    let held = if before.is_empty() && ending.destroyed.is_none() {
        let error = if act.state == Some(TcpState::CloseWait) {
            "EPIPE"
        } else {
            "ECONNRESET"
        };
        format!(" The next call of {owner} fails with {error}.")
    } else {
        String::new()
    };
    let forgotten = forgotten(act);
    format!("The peer {remote} sent an RST{state}{before}{lost}.{held}{forgotten}")
}

/// A sentence on an RST that can only have answered our FIN, where the peer had closed before: a peer
/// that still knew the connection would have acknowledged it.
fn forgotten(act: &Act) -> &'static str {
    if act.state == Some(TcpState::LastAck) && act.condition.unacked == Some(1) {
        " Most likely it answered that FIN: the peer had closed before, and its kernel did not keep the \
         connection in FIN_WAIT2, for want of room or because the time for it was over."
    } else {
        ""
    }
}

/// Advice for an RST from the peer.
pub(super) const RESET_ADVICE: &str = "The reason is at the peer: run finrst there, or look for a \
    crash, a close with unread data or a middlebox timeout.";

/// What `finrst explain peer_closed` shows.
pub(super) const CLOSED_PAGE: Page = Page {
    title: "peer_closed: the peer sent its FIN",
    happened: "\
The peer closed its sending side. The kernel acknowledged the FIN and, when this
side had not closed yet, went to CLOSE_WAIT: reads return the data that is left,
then end of file. The kernel does nothing more by itself; the program has to
close. Until it does the socket holds a descriptor and memory, without any time
limit.",
    confirm: &[
        Step {
            run: "ss -tanp state close-wait",
            shows: "sockets whose program has not reacted yet, with process and descriptor",
        },
        Step {
            run: "tcpdump -ni any 'tcp[tcpflags] & tcp-fin != 0 and port PORT'",
            shows: "[F.] from the peer first (this filter matches IPv4 only)",
        },
        Step {
            run: "strace -f -yy -e trace=read,recvfrom,recvmsg,close -p PID",
            shows: "a read that returns 0, then the close",
        },
    ],
    fix: "\
Nothing, where the program closes soon after. CLOSE_WAIT that stays is a bug in
the program that holds the socket: it does not read, or does not close after end
of file. A pool should drop a connection whose peer has closed before it is used
again.",
    source: &[
        "tcp_fin: net/ipv4/tcp_input.c",
        "RFC 9293, sections 3.6 and 3.10.7.4",
    ],
};

/// What `finrst explain peer_reset` shows.
pub(super) const RESET_PAGE: Page = Page {
    title: "peer_reset: the peer sent an RST",
    happened: "\
An RST arrived with a sequence number the kernel accepts. The connection is gone
at once: unsent data is dropped and the program gets an error, EPIPE after the
peer's FIN, else ECONNRESET. Answers to a SYN are told as refused, to a write
after the peer's FIN as wrote_after_peer_close, and one out of the blue as
reset_while_idle; this is what is left. The sender is the
peer's kernel, or something on the way that speaks in its name: a firewall that
rejects, a load balancer or NAT that forgot the connection.",
    confirm: &[
        Step {
            run: "tcpdump -nvi any 'tcp[tcpflags] & tcp-rst != 0 and port PORT'",
            shows: "the RST coming in; a TTL unlike that of the peer's other segments means a middlebox",
        },
        Step {
            run: "nstat -az TcpEstabResets TcpAttemptFails",
            shows: "connections that went from ESTABLISHED or CLOSE_WAIT to CLOSE; failed attempts",
        },
        Step {
            run: "strace -f -yy -e trace=%network,read,write -Z -p PID",
            shows: "the calls that fail with ECONNRESET, ECONNREFUSED or EPIPE",
        },
        Step {
            run: "bpftrace -e 'tracepoint:tcp:tcp_receive_reset { printf(\"%d -> %d\\n\", args->sport, args->dport); }'",
            shows: "the ports of each socket being reset",
        },
    ],
    fix: "\
Look at the peer: refused means nobody listens there; after data was sent it
often closed with that data unread, or had closed already; after a long idle
time a middlebox forgot the connection, which keepalives shorter than its
timeout prevent.",
    source: &[
        "tcp_reset: net/ipv4/tcp_input.c",
        "RFC 9293, section 3.5.3; RFC 5961, section 3",
    ],
};
