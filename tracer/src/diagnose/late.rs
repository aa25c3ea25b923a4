//! `data_after_close` and `time_wait_violation`: what comes when this side has closed.

use super::{
    page::{Page, Step},
    reset, words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    observation::SegmentFlags,
    process::Confidence,
    state::TcpState,
};

/// Advice for data nobody reads any more.
pub(super) const DATA_ADVICE: &str = "Shut the sending side and read to the end of file before \
    closing, or agree in the protocol on who closes when.";

/// Advice for a tuple that is used again too early.
pub(super) const SYN_ADVICE: &str = "The peer used the port again while this end still waited for \
    its FIN: it lost its side, or a NAT gave the port away too early.";

/// Data came after this side had closed: `tcp_rcv_state_process` resets the socket
/// (`TCP_ABORT_ON_DATA`), `tcp_timewait_state_process` the stand-in of one in `FIN_WAIT2`.
///
/// RFC 1122, section 4.2.2.13. The kernel answers for a socket only when it had reached `CLOSE`.
pub(super) fn data(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let flags = act.provoked_by?.flags;
    if act.how != How::RstSent || flags.has(SegmentFlags::SYN) {
        return None;
    }
    let named = act
        .reason
        .as_ref()
        .is_some_and(|reason| reason.is("TCP_ABORT_ON_DATA") || reason.is("TCP_TIMEWAIT_SOCKET"));
    let agrees = named || reset::says_nothing(act);
    let confidence = match act.state? {
        TcpState::TimeWait if agrees => Confidence::Exact,
        TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::Closing
        | TcpState::LastAck
        | TcpState::CloseWait
            if agrees && ending.socket.is_some() =>
        {
            Confidence::Exact
        }
        // The transition before it was lost.
        TcpState::Close if agrees && ending.socket.is_some() => Confidence::Likely,
        TcpState::Established
        | TcpState::SynSent
        | TcpState::SynRecv
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::TimeWait
        | TcpState::Close
        | TcpState::CloseWait
        | TcpState::LastAck
        | TcpState::Listen
        | TcpState::Closing
        | TcpState::NewSynRecv => return None,
    };
    Some((Cause::DataAfterClose, confidence))
}

/// A SYN in the window of a stand-in in `FIN_WAIT2` (`tcp_timewait_state_process`,
/// `net/ipv4/tcp_minisocks.c`); one for a stand-in in `TIME_WAIT` proper opens a new connection.
pub(super) fn syn(_: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let flags = act.provoked_by?.flags;
    let stand_in = act.how == How::RstSent && act.state == Some(TcpState::TimeWait);
    (stand_in && flags.has(SegmentFlags::SYN))
        .then_some((Cause::TimeWaitViolation, Confidence::Exact))
}

/// Who had closed, and how long before.
pub(super) fn data_text(ending: &Ending, act: &Act) -> String {
    let (remote, owner) = (ending.flow.remote, words::owner(ending));
    let shut = ending
        .acts
        .iter()
        .rfind(|other| other.how == How::FinSent && other.at <= act.at);
    let before = match (shut, ending.former) {
        (Some(fin), _) => format!(
            " {} after this side's FIN",
            words::Duration(act.at.since(fin.at))
        ),
        (None, Some(former)) => {
            format!(
                " {} after this side had closed",
                words::Duration(act.at.since(former.at))
            )
        }
        (None, None) => String::from(" after this side had closed"),
    };
    format!(
        "The peer {remote} sent data{before}; the socket was held by {owner} and nobody reads it any \
         more, so the kernel answered with an RST."
    )
}

/// What came, and for whose connection.
pub(super) fn syn_text(ending: &Ending, act: &Act) -> String {
    let before = words::former(ending, act).unwrap_or_default();
    format!(
        "A SYN from {} came for a connection that this side has closed and the peer has not: the \
         stand-in in FIN_WAIT2 answered with an RST. {before}",
        ending.flow.remote
    )
}

/// What `finrst explain data_after_close` shows.
pub(super) const DATA_PAGE: Page = Page {
    title: "data_after_close: data came when nobody reads any more",
    happened: "\
This side had closed the socket, or shut its receiving direction and then its
sending one, and its FIN was under way or done. Then the peer sent data. Nobody
can read it, and to acknowledge it would be a lie, so the kernel reset the
connection; the peer's next call fails with EPIPE or ECONNRESET, and data on its
way to it can be lost. When the FIN was acknowledged before, a stand-in for the
socket in FIN_WAIT2 answers, with the reason TCP_TIMEWAIT_SOCKET; else it is
TCP_ABORT_ON_DATA. Where only tracepoints can be hooked, the RST of the stand-in
cannot be seen before Linux 6.10.",
    confirm: &[
        Step {
            run: "tcpdump -ni any 'tcp port PORT'",
            shows: "[F.] from this host, then data from the peer, then [R] with the data's ack as seq",
        },
        Step {
            run: "nstat -az TcpExtTCPAbortOnData",
            shows: "it grows by one for each socket reset so (and for SO_LINGER zero)",
        },
        Step {
            run: "strace -f -yy -e trace=shutdown,close,read,recvfrom -p PID",
            shows: "the close while the peer still had something to say",
        },
    ],
    fix: "\
Close in the order the protocol says. A server that answers early should shut
its sending side, read on to the end of file with a limit on time, and close
then; a client that is not interested in the rest can only reset. In HTTP send
\"Connection: close\" before closing.",
    source: &[
        "tcp_rcv_state_process, tcp_reset: net/ipv4/tcp_input.c",
        "tcp_timewait_state_process: net/ipv4/tcp_minisocks.c",
        "RFC 1122, section 4.2.2.13; RFC 9293, section 3.10.7.4",
    ],
};

/// What `finrst explain time_wait_violation` shows.
pub(super) const SYN_PAGE: Page = Page {
    title: "time_wait_violation: a SYN met a connection that has not ended",
    happened: "\
This side had closed, its FIN was acknowledged, and the peer's FIN had not come:
a stand-in in FIN_WAIT2 kept the tuple. Then a SYN with the same addresses and
ports arrived, inside the window. It cannot be a new connection while the old
one is half open, so the kernel answered with an RST. A SYN for a stand-in in
TIME_WAIT proper is another matter: it takes the tuple over, and finrst links
the new connection to the old one. Where only tracepoints can be hooked, this
RST cannot be seen before Linux 6.10.",
    confirm: &[
        Step {
            run: "ss -tano state fin-wait-2",
            shows: "the stand-in, with timer:(timewait,...) and no process",
        },
        Step {
            run: "tcpdump -ni any 'tcp port PORT and tcp[tcpflags] & (tcp-syn|tcp-rst) != 0'",
            shows: "[S] in, [R] out, without a [F.] from the peer before (IPv4 only)",
        },
        Step {
            run: "sysctl net.ipv4.tcp_fin_timeout",
            shows: "how long the stand-in waits for the peer's FIN, in seconds",
        },
    ],
    fix: "\
Find out why the peer forgot the connection: a crash, a NAT that gave the port
to somebody else, a client that binds a fixed source port. The peer's next
attempt works, because the RST made the stand-in go.",
    source: &[
        "tcp_timewait_state_process: net/ipv4/tcp_minisocks.c",
        "RFC 9293, sections 3.5.2 and 3.10.7.4; RFC 6191",
    ],
};
