//! Silent endings: the kernel gives a connection up and sends nothing.

use super::{
    page::{Page, Step},
    words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    process::Confidence,
    state::TcpState,
};

/// Advice for data that is not acknowledged.
pub(super) const RETRANSMISSIONS_ADVICE: &str = "The peer or the way to it is gone: look at routes, \
    links and firewalls; set TCP_USER_TIMEOUT to find out sooner.";

/// Advice for a window that stays closed.
pub(super) const WINDOW_ADVICE: &str = "The peer did not read, and then went away: look at what \
    its program was doing.";

/// Advice for a connection that never came about.
pub(super) const CONNECT_ADVICE: &str = "Nothing answers there: check address and route, \
    firewalls that drop, and the peer's accept queue.";

/// `ETIMEDOUT`.
const ETIMEDOUT: u32 = 110;

/// `tcp_write_err` (`net/ipv4/tcp_timer.c`) left its error and closed the socket; an ICMP message
/// does the same while connecting (`tcp_v4_err`, `net/ipv4/tcp_ipv4.c`).
pub(super) fn rule(_: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    if act.how != How::Timeout {
        return None;
    }
    let condition = act.condition;
    let timers = condition.timers;
    let timed_out = condition.err == Some(ETIMEDOUT);
    if act.state == Some(TcpState::SynSent) {
        return Some(match (timed_out, timers.signed) {
            (true, Some(true)) => (Cause::Md5OrAo, Confidence::Likely),
            (true, _) => (Cause::ConnectTimeout, Confidence::Exact),
            (false, _) => (Cause::Unreachable, Confidence::Exact),
        });
    }
    if condition.dead == Some(true) {
        return Some((Cause::Orphaned, Confidence::Exact));
    }
    if timers.user_timeout_ms.is_some_and(|limit| limit > 0) {
        return Some((Cause::UserTimeout, Confidence::Exact));
    }
    Some(match timers.tries {
        Some(tries) if tries.probes > 0 && tries.retransmits == 0 => {
            (Cause::ZeroWindowTimeout, Confidence::Exact)
        }
        Some(_) if timers.window == Some(0) => (Cause::ZeroWindowTimeout, Confidence::Exact),
        Some(tries) if tries.retransmits > 0 => {
            (Cause::RetransmissionsExhausted, Confidence::Exact)
        }
        Some(_) if !timed_out => (Cause::Unreachable, Confidence::Likely),
        Some(_) | None => (Cause::RetransmissionsExhausted, Confidence::Likely),
    })
}

/// How much was lost after how many attempts.
pub(super) fn retransmissions_text(ending: &Ending, act: &Act) -> String {
    let lost = act.condition.unacked.unwrap_or(0);
    let tries = act.condition.timers.tries.map_or(0, |it| it.retransmits);
    let times = words::times(tries, "retransmission");
    format!(
        "The peer {} did not acknowledge {} of {}; after {times} the kernel gave the connection up \
         and sent nothing more{}.",
        ending.flow.remote,
        words::bytes(lost),
        words::owner(ending),
        words::soft_error(act),
    )
}

/// How much could not be sent.
pub(super) fn window_text(ending: &Ending, act: &Act) -> String {
    let left = act.condition.unsent.unwrap_or(0);
    let probes = act.condition.timers.tries.map_or(0, |it| it.probes);
    let times = words::times(probes, "probe");
    format!(
        "The window of the peer {} was closed, with {} of {} still to be sent; {times} went without \
         an answer, and the kernel gave the connection up.",
        ending.flow.remote,
        words::bytes(left),
        words::owner(ending)
    )
}

/// Who tried to connect, and how often.
pub(super) fn connect_text(ending: &Ending, act: &Act) -> String {
    let tries = act.condition.timers.tries.map_or(0, |it| it.retransmits);
    let times = words::times(tries, "retransmission");
    format!(
        "The peer {} answered none of the SYNs of {}; after {times} the kernel gave up with \
         ETIMEDOUT.",
        ending.flow.remote,
        words::owner(ending)
    )
}

/// What `finrst explain retransmissions_exhausted` shows.
pub(super) const RETRANSMISSIONS_PAGE: Page = Page {
    title: "retransmissions_exhausted: data was never acknowledged",
    happened: "\
Data was sent and no acknowledgement came. The kernel sent it again, each time
after a longer wait, until the time that net.ipv4.tcp_retries2 stands for was
over (15 by default: some 15 minutes). Then it gave the connection up: the
program's next call fails with ETIMEDOUT, or with the error of an ICMP message
that had come meanwhile. No RST leaves; the peer, if it lives, keeps its half
until it sends something.",
    confirm: &[
        Step {
            run: "ss -tanpo 'dport = :PORT'",
            shows: "timer:(on,TIME,N): N retransmissions so far; Send-Q is what is not acknowledged",
        },
        Step {
            run: "nstat -az TcpExtTCPAbortOnTimeout TcpExtTCPTimeouts",
            shows: "connections given up by a timer; timeouts in all",
        },
        Step {
            run: "ip route get ADDRESS",
            shows: "which way segments to the peer take now",
        },
        Step {
            run: "tcpdump -ni any 'host ADDRESS and tcp port PORT'",
            shows: "the same segment again and again, and nothing back",
        },
    ],
    fix: "\
Find where the segments are lost: tcpdump at both ends and at what lies between.
Programs that must notice earlier set TCP_USER_TIMEOUT, which counts for this
socket only, instead of lowering tcp_retries2 for all.",
    source: &[
        "tcp_retransmit_timer, tcp_write_timeout, tcp_write_err: net/ipv4/tcp_timer.c",
        "RFC 1122, section 4.2.3.5; RFC 6298; RFC 9293, section 3.8.3",
    ],
};

/// What `finrst explain zero_window_timeout` shows.
pub(super) const WINDOW_PAGE: Page = Page {
    title: "zero_window_timeout: the peer's window stayed closed",
    happened: "\
The peer's receive buffer was full, because its program did not read: it had
announced a window of zero. The kernel kept the data and probed the window, each
time after a longer wait. As long as the peer answers the probes this can last
for ever; here it stopped answering, and after net.ipv4.tcp_retries2 probes
without an answer the kernel gave the connection up with ETIMEDOUT. No RST
leaves.",
    confirm: &[
        Step {
            run: "ss -tinpo 'dport = :PORT'",
            shows: "timer:(persist,TIME,N) and Send-Q; rwnd_limited in percent of the time",
        },
        Step {
            run: "nstat -az TcpExtTCPToZeroWindowAdv TcpExtTCPWinProbe",
            shows: "windows closed by this host; probes it sent",
        },
        Step {
            run: "tcpdump -ni any 'tcp port PORT'",
            shows: "win 0 from the peer, then segments of this host without an answer",
        },
    ],
    fix: "\
Look at the peer's program: why it did not read (a stuck thread, a stopped or
suspended process, a full disk), and then at why its host stopped answering. A
sender that cannot wait sets TCP_USER_TIMEOUT.",
    source: &[
        "tcp_probe_timer: net/ipv4/tcp_timer.c",
        "RFC 9293, section 3.8.6.1; RFC 6429",
    ],
};

/// What `finrst explain connect_timeout` shows.
pub(super) const CONNECT_PAGE: Page = Page {
    title: "connect_timeout: no SYN was answered",
    happened: "\
A program called connect(2). The kernel sent a SYN and sent it again after 1, 2,
4, ... seconds, net.ipv4.tcp_syn_retries times (6 by default: 127 seconds in
all) or as often as TCP_SYNCNT says, and nothing came back, neither a SYN-ACK
nor an RST nor an ICMP message. connect fails with ETIMEDOUT. A firewall that
drops looks like this, a host that is off behind a router, and a listener whose
queue is full. Programs with a deadline of their own close earlier: that is
app_close in SYN_SENT.",
    confirm: &[
        Step {
            run: "ss -tanpo state syn-sent",
            shows: "attempts under way with timer:(on,TIME,N), N SYNs sent again",
        },
        Step {
            run: "tcpdump -ni any 'host ADDRESS and tcp[tcpflags] & tcp-syn != 0'",
            shows: "[S] out after 1, 2, 4 seconds; run it at the peer too: do they arrive?",
        },
        Step {
            run: "nstat -az TcpExtListenOverflows TcpExtListenDrops",
            shows: "at the peer: SYNs dropped because the accept queue was full",
        },
    ],
    fix: "\
If the SYNs do not arrive: route, security group, firewall. If they arrive and
nothing leaves: the accept queue, a firewall on the host, rp_filter. If the
answer leaves and does not come back: the way back differs.",
    source: &[
        "tcp_connect: net/ipv4/tcp_output.c; tcp_write_timeout: net/ipv4/tcp_timer.c",
        "tcp(7), TCP_SYNCNT; RFC 9293, section 3.8.3",
    ],
};
