//! `time_wait_overflow`: nobody was there any more to see the end of a connection that had closed.

use super::{
    page::{Page, Step},
    words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    observation::SegmentFlags,
    process::Confidence,
};

/// Advice for closed connections the kernel has no room for.
pub(super) const ADVICE: &str = "Raise net.ipv4.tcp_max_tw_buckets, or let connections live longer: \
    pools and keep-alive close fewer; the peer that closes first needs the room.";

/// Nanoseconds a stand-in in `FIN_WAIT2` lasts at the least: three and a half times the shortest timeout
/// of a retransmission, `TCP_RTO_MIN` (`tcp_fin_time`, `include/net/tcp.h`). The setting is in seconds.
const SHORTEST_NS: u64 = 700_000_000;

/// The peer's FIN came, and the stand-in that was to wait for it was not there: `tcp_time_wait`
/// (`net/ipv4/tcp_minisocks.c`) had no room for one, or no memory.
///
/// Likely, because somebody may have destroyed it (`ss -K`). What comes with data a stand-in would have
/// answered by an RST as well.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let flags = act.provoked_by?.flags;
    let ends = flags.has(SegmentFlags::FIN) && !flags.has(SegmentFlags::SYN);
    let nobody = act.how == How::RstSent && ending.socket.is_none() && act.state.is_none();
    let gone = gone_ns(ending, act)?;
    (ends && nobody && gone < SHORTEST_NS).then_some((Cause::TimeWaitOverflow, Confidence::Likely))
}

/// Nanoseconds since the connection before, closed by this side, was to get a stand-in.
fn gone_ns(ending: &Ending, act: &Act) -> Option<u64> {
    let former = ending.former.filter(|it| it.how == How::FinSent)?;
    former.gave_way.map(|at| act.at.since(at))
}

/// The same, where it tells the cause.
pub(super) fn gave_way_ns(ending: &Ending, act: &Act) -> Option<u64> {
    gone_ns(ending, act).filter(|_| act.cause == Cause::TimeWaitOverflow)
}

/// Whose connection it was, and for how long it should have been kept.
pub(super) fn text(ending: &Ending, act: &Act) -> String {
    let gone = words::Duration(gone_ns(ending, act).unwrap_or(0));
    format!(
        "{} had closed the connection to {} in order, and its FIN was acknowledged; the kernel was to \
         wait for the peer's FIN, and {gone} later, when it came, nothing of the connection was left: \
         most likely there was no room in TIME_WAIT (net.ipv4.tcp_max_tw_buckets). So an RST answered \
         the FIN.",
        words::owner_first(ending),
        ending.flow.remote
    )
}

/// What `finrst explain time_wait_overflow` shows.
pub(super) const PAGE: Page = Page {
    title: "time_wait_overflow: there was no room to wait for the peer's FIN",
    happened: "\
This side closed first, and the peer acknowledged the FIN. The kernel then
gives the socket up and lets a small stand-in wait for the peer's FIN
(FIN_WAIT2), and after that for segments that come late (TIME_WAIT). There may
be tcp_max_tw_buckets stand-ins in a network namespace. When that many are
there, or there is no memory, the connection is just forgotten, and the peer's
FIN meets nobody and is answered with an RST: the peer, which has closed in
order, sees its connection reset in LAST_ACK. finrst knows it by the time: a
stand-in waits for 0.7 s at the least, so one that is missing earlier was never
there. It is likely and not exact, because `ss -K` can destroy one; a FIN that
comes later than that is told as stray_segment, because tcp_fin_timeout may be
as short. Where only tracepoints can be hooked, this RST cannot be seen before
Linux 6.10.",
    confirm: &[
        Step {
            run: "nstat -az TcpExtTCPTimeWaitOverflow",
            shows: "it grows by one for each connection that found no room",
        },
        Step {
            run: "dmesg | grep 'time wait bucket table overflow'",
            shows: "the kernel says so as well, now and then",
        },
        Step {
            run: "cat /proc/net/sockstat; sysctl net.ipv4.tcp_max_tw_buckets",
            shows: "tw: how many stand-ins there are, and how many there may be",
        },
    ],
    fix: "\
Raise net.ipv4.tcp_max_tw_buckets: a stand-in takes about 250 bytes. Better,
make fewer: keep connections for more than one request, and let the side close
first that has fewer of them. On the side that connects, net.ipv4.tcp_tw_reuse
lets new connections take over stand-ins. Do not shorten the waiting itself.",
    source: &[
        "tcp_time_wait: net/ipv4/tcp_minisocks.c",
        "inet_twsk_alloc: net/ipv4/inet_timewait_sock.c",
        "RFC 9293, section 3.6.1; RFC 1337",
    ],
};
