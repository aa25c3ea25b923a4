//! `stray_segment`: a segment for a connection that is not there.

use super::{
    page::{Page, Step},
    words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    observation::SegmentFlags,
    process::Confidence,
    state::TcpState,
};

/// Advice for a segment nobody waited for.
pub(super) const ADVICE: &str = "Look at the connection that had these addresses and ports \
    before: the peer had not learnt of its end, or something on the way brought it here.";

/// `tcp_v4_rcv` or `tcp_v6_rcv` found no socket (label `no_tcp_socket`), or only the listener of the
/// port (`tcp_rcv_state_process`, `LISTEN`): RFC 9293, sections 3.10.7.1 and 3.10.7.2.
///
/// A SYN without a socket wants a listener, and is told by that.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let flags = act.provoked_by?.flags;
    let opens = flags.has(SegmentFlags::SYN) && !flags.has(SegmentFlags::ACK);
    if act.how != How::RstSent || ending.socket.is_some() || opens {
        return None;
    }
    let confidence = match act.state {
        None => Confidence::Exact,
        Some(TcpState::Listen) if act.reason.as_ref().is_some_and(|it| it.is("TCP_FLAGS")) => {
            Confidence::Exact
        }
        Some(TcpState::Listen) => Confidence::Likely,
        Some(_) => return None,
    };
    Some((Cause::StraySegment, confidence))
}

/// What came, and for which connection it may have been.
pub(super) fn text(ending: &Ending, act: &Act) -> String {
    let (local, remote) = (ending.flow.local, ending.flow.remote);
    let flags = act
        .provoked_by
        .map_or_else(String::new, |it| format!(" (flags {})", it.flags));
    let before = words::former(ending, act)
        .unwrap_or_else(|| String::from("No connection of this tuple is known from before."));
    format!(
        "A segment{flags} from {remote} came for {local}, where there is no such connection; the \
         kernel answered with an RST. {before}"
    )
}

/// What `finrst explain stray_segment` shows.
pub(super) const PAGE: Page = Page {
    title: "stray_segment: a segment for a connection that is not there",
    happened: "\
A segment that is no SYN arrived, and the kernel has no connection with its
addresses and ports in the namespace it arrived in: it answered with an RST. As
a rule there was one. Its end was abrupt (an RST, a close under repair, a
reboot, a timeout) and the peer had not heard of it, or data was still on the
way. finrst names the ending before on the same tuple and whose it was, when it
saw it within two minutes. Otherwise the segment went astray: a load balancer or
NAT that sends half of a connection here, or a scan. Where only tracepoints can
be hooked, this RST cannot be seen before Linux 6.10.",
    confirm: &[
        Step {
            run: "tcpdump -ni any 'tcp port PORT'",
            shows: "what was said on the tuple before, and [R] with the segment's ack as seq",
        },
        Step {
            run: "nstat -az TcpOutRsts TcpExtTCPAbortOnClose TcpExtTCPAbortOnData",
            shows: "all RSTs sent; those after abrupt closes",
        },
        Step {
            run: "ss -tan 'sport = :PORT'",
            shows: "at the peer: the connection it still believes in",
        },
        Step {
            run: "conntrack -L -p tcp --dport PORT",
            shows: "which host a NAT takes the connection to be with",
        },
    ],
    fix: "\
Right after an ending of this host, the ending is what to look at: see its
cause. With no ending before, compare the routes of both directions and the
timeouts of every NAT and load balancer between with the longest idle time of
the programs, and set keepalives below it.",
    source: &[
        "tcp_v4_rcv, tcp_v4_send_reset: net/ipv4/tcp_ipv4.c",
        "tcp_rcv_state_process: net/ipv4/tcp_input.c",
        "RFC 9293, sections 3.5.2 and 3.10.7.1",
    ],
};
