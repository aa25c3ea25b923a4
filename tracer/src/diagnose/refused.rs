//! `no_listener`: a SYN came for a port nobody listens on.

use super::page::{Page, Step};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    observation::SegmentFlags,
    process::Confidence,
};

/// Advice for a refused SYN.
pub(super) const ADVICE: &str = "Check that the service runs, listens on this address and port, \
    and in this network namespace.";

/// `tcp_v4_rcv` or `tcp_v6_rcv` found no socket for a SYN (label `no_tcp_socket`).
///
/// RFC 9293, section 3.10.7.1. Any other segment without a socket belongs to a connection that is
/// gone, not to a missing listener.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let flags = act.provoked_by?.flags;
    let opens = flags.has(SegmentFlags::SYN) && !flags.has(SegmentFlags::ACK);
    let nobody = ending.socket.is_none() && act.state.is_none();
    let agrees = act
        .reason
        .as_ref()
        .is_none_or(|reason| reason.is("NO_SOCKET") || !reason.says_something());
    (act.how == How::RstSent && opens && nobody && agrees)
        .then_some((Cause::NoListener, Confidence::Exact))
}

/// Where nobody listens, and who asked.
pub(super) fn text(ending: &Ending, _: &Act) -> String {
    format!(
        "Nobody listens on {}; the kernel refused the SYN from {} with an RST.",
        ending.flow.local, ending.flow.remote
    )
}

/// What `finrst explain no_listener` shows.
pub(super) const PAGE: Page = Page {
    title: "no_listener: a SYN for a port nobody listens on",
    happened: "\
A SYN arrived and no socket on this host listens on its address and port, in the
network namespace it arrived in. The kernel answered with RST and ACK; the
connecting program gets ECONNREFUSED at once. A listener bound to another
address (127.0.0.1 only, IPv6 only) or in another namespace does not count. A
full accept queue looks different: those SYNs are dropped in silence by default.
Where only tracepoints can be hooked, this RST cannot be seen before Linux 6.10.",
    confirm: &[
        Step {
            run: "ss -Htlnp 'sport = :PORT'",
            shows: "the listeners on the port with address and process; empty when there is none",
        },
        Step {
            run: "tcpdump -ni any 'tcp port PORT and tcp[tcpflags] & (tcp-syn|tcp-rst) != 0'",
            shows: "[S] in, [R.] with seq 0 out (this filter matches IPv4 only)",
        },
        Step {
            run: "nstat -az TcpOutRsts",
            shows: "all RSTs sent; it grows with each refusal",
        },
        Step {
            run: "bpftrace -e 'kprobe:tcp_v4_send_reset,kprobe:tcp_v6_send_reset /arg0 == 0/ { @[probe] = count(); }'",
            shows: "RSTs sent with no socket at all",
        },
    ],
    fix: "\
Start the service, or wait for it: refusals during a restart want a retry in the
client or a socket handed over by the supervisor. If it runs, compare its
address, port and namespace with what the client dials (nsenter -t PID -n ss
-tln).",
    source: &[
        "tcp_v4_rcv, tcp_v4_send_reset: net/ipv4/tcp_ipv4.c",
        "tcp_v6_rcv, tcp_v6_send_reset: net/ipv6/tcp_ipv6.c",
        "RFC 9293, sections 3.5.2 and 3.10.7.1",
    ],
};
