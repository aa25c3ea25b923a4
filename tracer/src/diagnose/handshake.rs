//! `bad_handshake_ack`, `paws_or_sequence` and `accept_queue_overflow`: answers during a handshake.

use super::{
    page::{Page, Step},
    reset, words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    observation::{Segment, SegmentFlags},
    process::Confidence,
    state::TcpState,
};

/// Advice for a segment out of place.
pub(super) const ACK_ADVICE: &str = "Something answers for the peer with old numbers: a peer that \
    restarted, a NAT that gave the port away, or segments that were forged.";

/// Advice for a timestamp out of place.
pub(super) const PAWS_ADVICE: &str = "A middlebox that rewrites timestamps, or an answer to an \
    older attempt of the same port; look at the TS options of the SYN and of its answer.";

/// Advice for a full queue.
pub(super) const OVERFLOW_ADVICE: &str = "The program accepts too slowly: accept faster, raise \
    listen(2)'s backlog and net.core.somaxconn, or unset net.ipv4.tcp_abort_on_overflow.";

/// What came in answer to a SYN of ours, or to complete one of the peer's, was not acceptable.
///
/// `tcp_rcv_synsent_state_process` and `tcp_rcv_state_process` (`net/ipv4/tcp_input.c`),
/// `tcp_check_req` (`net/ipv4/tcp_minisocks.c`).
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let segment = act.provoked_by?;
    if act.how != How::RstSent {
        return None;
    }
    match act.state? {
        TcpState::SynSent => Some(in_syn_sent(act, segment)),
        TcpState::SynRecv | TcpState::NewSynRecv => {
            Some((Cause::BadHandshakeAck, Confidence::Exact))
        }
        TcpState::Listen if ending.socket.is_none() => at_listener(act, segment),
        TcpState::Listen
        | TcpState::Established
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::TimeWait
        | TcpState::Close
        | TcpState::CloseWait
        | TcpState::LastAck
        | TcpState::Closing => None,
    }
}

/// The acknowledgement is looked at before the timestamp; with the right one it was that.
fn in_syn_sent(act: &Act, segment: Segment) -> (Cause, Confidence) {
    let named = act.reason.as_ref().filter(|it| it.says_something());
    if let Some(reason) = named {
        let cause = if reason.is("TCP_RFC7323_PAWS") {
            Cause::PawsOrSequence
        } else {
            Cause::BadHandshakeAck
        };
        return (cause, Confidence::Exact);
    }
    match act.condition.write_seq {
        Some(expected) if expected == segment.ack => (Cause::PawsOrSequence, Confidence::Exact),
        Some(_) => (Cause::BadHandshakeAck, Confidence::Exact),
        None => (Cause::BadHandshakeAck, Confidence::Likely),
    }
}

/// A request is reset in the name of its listener, with one reason for a full queue and for a bad
/// SYN (`INVALID_SYN`); the segment tells them apart.
fn at_listener(act: &Act, segment: Segment) -> Option<(Cause, Confidence)> {
    let invalid = act.reason.as_ref().is_some_and(|it| it.is("INVALID_SYN"));
    let syn = segment.flags.has(SegmentFlags::SYN);
    let full = act.condition.backlog.map(|(waiting, most)| waiting > most);
    match (invalid, syn, full) {
        (true, false, _) => Some((Cause::AcceptQueueOverflow, Confidence::Exact)),
        (true, true, _) => Some((Cause::BadHandshakeAck, Confidence::Exact)),
        (false, false, Some(true)) if reset::says_nothing(act) => {
            Some((Cause::AcceptQueueOverflow, Confidence::Likely))
        }
        (false, ..) => None,
    }
}

/// What came, and who waited for another.
pub(super) fn ack_text(ending: &Ending, act: &Act) -> String {
    let segment = act.provoked_by.map_or_else(String::new, |it| {
        format!(" (flags {}, ack {})", it.flags, it.ack)
    });
    let goes_on = if act.state == Some(TcpState::SynSent) {
        format!(" {} goes on trying to connect.", words::owner_first(ending))
    } else {
        String::new()
    };
    format!(
        "A segment{segment} from {} does not fit the handshake under way on {}; the kernel \
         answered with an RST.{goes_on}",
        ending.flow.remote, ending.flow.local
    )
}

/// What came with which timestamp.
pub(super) fn paws_text(ending: &Ending, _: &Act) -> String {
    format!(
        "The answer of {} to this side's SYN echoes a timestamp that was never sent; the kernel \
         answered with an RST. {} goes on trying to connect.",
        ending.flow.remote,
        words::owner_first(ending)
    )
}

/// Whose queue was full.
pub(super) fn overflow_text(ending: &Ending, act: &Act) -> String {
    let queue = act.condition.backlog.map_or_else(String::new, |it| {
        format!(" ({} waiting, {} allowed)", it.0, it.1)
    });
    format!(
        "The handshake of {} was complete, but the accept queue of {} on {} was full{queue}; \
         tcp_abort_on_overflow is set, so the kernel sent an RST.",
        ending.flow.remote,
        words::owner(ending),
        ending.flow.local
    )
}

/// What `finrst explain bad_handshake_ack` shows.
pub(super) const ACK_PAGE: Page = Page {
    title: "bad_handshake_ack: a segment did not fit the handshake",
    happened: "\
During a handshake a segment came whose numbers do not belong to it. While this
host is connecting (SYN_SENT) that is an acknowledgement of something it never
sent: the peer thinks of an older connection with the same ports; the kernel
answers with an RST, which cleans the peer up, and goes on waiting. While the
peer is connecting it is an acknowledgement of another SYN-ACK than ours, or a
second SYN inside the window. The connection attempt itself need not fail.",
    confirm: &[
        Step {
            run: "tcpdump -nSi any 'tcp port PORT'",
            shows: "absolute numbers: an ack other than the SYN's seq plus one, then [R]",
        },
        Step {
            run: "ss -tan 'dport = :PORT'",
            shows: "at the peer: an old connection with the same ports, half open",
        },
        Step {
            run: "nstat -az TcpAttemptFails TcpExtTCPChallengeACK",
            shows: "failed attempts; challenge ACKs are what an old connection answers a SYN with",
        },
    ],
    fix: "\
One after a crash of either end is how TCP recovers from it. Many at once: a NAT
or load balancer that reuses ports faster than connections end, a client that
binds a fixed source port, or a scan.",
    source: &[
        "tcp_rcv_synsent_state_process, tcp_rcv_state_process: net/ipv4/tcp_input.c",
        "tcp_check_req: net/ipv4/tcp_minisocks.c",
        "RFC 9293, sections 3.5.1, 3.10.7.3 and 3.10.7.4",
    ],
};

/// What `finrst explain paws_or_sequence` shows.
pub(super) const PAWS_PAGE: Page = Page {
    title: "paws_or_sequence: an answer with a timestamp that was never sent",
    happened: "\
A SYN-ACK came for a connection this host is opening, with the right
acknowledgement, but the timestamp it echoes is none that this attempt had sent.
It answers an older SYN, or something on the way rewrote the option. The kernel
does not trust it: it answered with an RST and goes on waiting, as RFC 7323 asks
for. Elsewhere than in SYN_SENT, segments with bad timestamps or numbers are
dropped or answered with an ACK, never with an RST.",
    confirm: &[
        Step {
            run: "nstat -az TcpExtPAWSActive",
            shows: "connection attempts whose answer had a bad timestamp; it grows by one for each",
        },
        Step {
            run: "tcpdump -nvi any 'tcp port PORT and tcp[tcpflags] & tcp-syn != 0'",
            shows: "ecr in the TS option of the SYN-ACK against val in that of the SYN",
        },
        Step {
            run: "sysctl net.ipv4.tcp_timestamps",
            shows: "1: timestamps with an offset of their own for each connection; 0 turns them off",
        },
    ],
    fix: "\
Look for the device that answers in the peer's name (a SYN proxy, a load
balancer, a DDoS filter) and rewrites timestamps in one direction only. Turning
tcp_timestamps off proves it; it is no cure.",
    source: &[
        "tcp_rcv_synsent_state_process: net/ipv4/tcp_input.c",
        "RFC 7323, sections 3.2 and 5; RFC 9293, section 3.10.7.3",
    ],
};

/// What `finrst explain accept_queue_overflow` shows.
pub(super) const OVERFLOW_PAGE: Page = Page {
    title: "accept_queue_overflow: the listener's queue was full",
    happened: "\
A client completed its handshake, and the queue of connections that wait for
accept(2) was full: as many were there as listen(2)'s backlog and
net.core.somaxconn allow, whichever is less. With net.ipv4.tcp_abort_on_overflow
set, the kernel refuses the connection with an RST; the client, which was
connected already, gets ECONNRESET. Without it (the default) the last ACK is
dropped in silence, and the client finds out later. The kernel's reason is
INVALID_SYN, which it also gives for a bad SYN.",
    confirm: &[
        Step {
            run: "nstat -az TcpExtListenOverflows TcpExtListenDrops",
            shows: "it grows with each connection that found the queue full",
        },
        Step {
            run: "ss -tln 'sport = :PORT'",
            shows: "Recv-Q above Send-Q: more wait than may",
        },
        Step {
            run: "sysctl net.ipv4.tcp_abort_on_overflow net.core.somaxconn",
            shows: "whether overflow resets, and the most that listen(2) is given",
        },
    ],
    fix: "\
Accept faster: a program that stalls (a long pause, one thread for everything, a
full connection limit) fills any queue. A burst wants a larger backlog in the
program and net.core.somaxconn to match. tcp_abort_on_overflow is best left off.",
    source: &[
        "tcp_check_req: net/ipv4/tcp_minisocks.c; tcp_v4_syn_recv_sock: net/ipv4/tcp_ipv4.c",
        "listen(2); ip-sysctl, tcp_abort_on_overflow",
    ],
};
