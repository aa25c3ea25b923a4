//! `mptcp_fastclose` and `mptcp_reset`: RSTs of Multipath TCP.

use super::{
    page::{Page, Step},
    reset, words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    process::Confidence,
    state::TcpState,
};

/// Advice for a connection closed on all paths.
pub(super) const FASTCLOSE_ADVICE: &str = "As closed_with_unread_data or linger_zero of plain TCP: \
    read to end of file before the close.";

/// Advice for one path that was reset.
pub(super) const RESET_ADVICE: &str = "Other paths of the connection may go on; the kernel's \
    reason in the evidence says what was wrong with this one.";

/// `mptcp_do_fastclose` (`net/mptcp/protocol.c`) resets each path with its state unchanged, and the
/// reason of a close with unread data; whatever else resets a path has a reason of its own.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    if act.how != How::RstSent {
        return None;
    }
    let name = act.reason.as_ref().and_then(|it| it.name.as_deref());
    if name.is_some_and(|it| it.starts_with("MPTCP_RST")) {
        return Some((Cause::MptcpReset, Confidence::Exact));
    }
    let open = act.state.is_some_and(reset::connected) && !reset::closed_before(ending, act);
    if act.provoked_by.is_some() || !open {
        return None;
    }
    let multipath = act.condition.timers.mptcp == Some(true);
    match name {
        Some("TCP_ABORT_ON_CLOSE") => Some((Cause::MptcpFastclose, Confidence::Exact)),
        _ if multipath && reset::says_nothing(act) => {
            Some((Cause::MptcpFastclose, Confidence::Likely))
        }
        Some(_) | None => None,
    }
}

/// Whose connection was closed on all paths.
pub(super) fn fastclose_text(ending: &Ending, act: &Act) -> String {
    format!(
        "{} closed a Multipath TCP connection with data unread, or with SO_LINGER on and a time of \
         zero; the path to {} was reset with the option MP_FASTCLOSE.",
        words::subject(ending, act),
        ending.flow.remote
    )
}

/// Which path was reset for what.
pub(super) fn reset_text(ending: &Ending, act: &Act) -> String {
    let name = act.reason.as_ref().and_then(|it| it.name.as_deref());
    let why = name.map_or_else(String::new, |it| format!(" (the kernel's reason is {it})"));
    let what = if act.state == Some(TcpState::Listen) {
        "refused to add a path"
    } else {
        "reset the path"
    };
    format!(
        "Multipath TCP {what} between {} and {}{why}.",
        ending.flow.local, ending.flow.remote
    )
}

/// What `finrst explain mptcp_fastclose` shows.
pub(super) const FASTCLOSE_PAGE: Page = Page {
    title: "mptcp_fastclose: Multipath TCP closed all paths at once",
    happened: "\
The socket is one of Multipath TCP, which Go 1.24 and later make for listeners
by default. It was closed with received data unread, or with SO_LINGER zero, or
its memory was taken. Plain TCP sends one RST; here every path (subflow) gets
one with the option MP_FASTCLOSE, and the peer drops the whole connection. The
kernel's reason is that of a close with unread data, while the path itself was
still established.",
    confirm: &[
        Step {
            run: "ss -tani --mptcp",
            shows: "the connections of Multipath TCP, with their token and subflows",
        },
        Step {
            run: "nstat -az MPTcpExtMPFastcloseTx MPTcpExtMPFastcloseRx",
            shows: "fast closes sent and received",
        },
        Step {
            run: "tcpdump -nvi any 'tcp[tcpflags] & tcp-rst != 0 and port PORT'",
            shows: "mptcp fast-close among the options of the RST (IPv4 only)",
        },
    ],
    fix: "\
The same as without Multipath TCP: read to end of file before closing, and do
not set SO_LINGER to zero. To see whether Multipath TCP matters at all, turn it
off (GODEBUG=multipathtcp=0, or net.mptcp.enabled=0 in the namespace).",
    source: &[
        "mptcp_do_fastclose, __mptcp_close: net/mptcp/protocol.c",
        "RFC 8684, section 3.5",
    ],
};

/// What `finrst explain mptcp_reset` shows.
pub(super) const RESET_PAGE: Page = Page {
    title: "mptcp_reset: Multipath TCP reset one path",
    happened: "\
A path (subflow) of Multipath TCP was reset, or a new one refused, for a reason
that plain TCP does not have: the token of a join names no connection, its
signature is wrong, data came without a mapping or with a bad checksum, a
resource ran out, a middlebox took options away, or the peer closed the whole
connection at once. The kernel's reason tells which (MPTCP_RST_...). The
connection may go on over its other paths.",
    confirm: &[
        Step {
            run: "nstat -az 'MPTcpExt*'",
            shows: "MPJoinNoTokenFound, MPJoinAckHMacFailure, DataCsumErr, MPRstTx and others",
        },
        Step {
            run: "ip mptcp monitor",
            shows: "paths that come and go, with the error of each",
        },
        Step {
            run: "tcpdump -nvi any 'tcp[tcpflags] & tcp-rst != 0 and port PORT'",
            shows: "mptcp tcprst with its reason among the options of the RST (IPv4 only)",
        },
    ],
    fix: "\
A join that fails now and then is no fault. Many: a load balancer that sends the
second path to another server, or a middlebox that strips options; limit the
paths (ip mptcp limits) or turn Multipath TCP off for the service.",
    source: &[
        "subflow_syn_recv_sock, mptcp_subflow_reset: net/mptcp/subflow.c",
        "RFC 8684, sections 3.2 and 3.6",
    ],
};
