//! `keepalive_timeout` and `user_timeout`: a timer the program had set gave the connection up.

use super::{
    page::{Page, Step},
    reset, words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    process::{Actor, Confidence},
};

/// Advice for a peer that no longer answers probes.
pub(super) const KEEPALIVE_ADVICE: &str = "The peer or the way to it is gone: look at its uptime, \
    its link and the NATs between. The program should connect anew.";

/// Advice for a limit the program set itself.
pub(super) const USER_ADVICE: &str = "The program limits how long data may stay unacknowledged \
    (TCP_USER_TIMEOUT); the peer or the way to it did not answer within that.";

/// `tcp_keepalive_timer` (`net/ipv4/tcp_timer.c`) sends its RST from the timer, before the state
/// changes; of the timers only those of orphans send one as well.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let timer = act.actor == Actor::Softirq && act.provoked_by.is_none();
    let before = act.state.is_some_and(reset::connected) && !reset::closed_before(ending, act);
    if act.how != How::RstSent || !timer || !before {
        return None;
    }
    let named = act
        .reason
        .as_ref()
        .is_some_and(|it| it.is("TCP_KEEPALIVE_TIMEOUT"));
    let probed = act.condition.timers.tries.is_some_and(|it| it.probes > 0)
        && act.condition.dead == Some(false);
    if !(named || (reset::says_nothing(act) && probed)) {
        return None;
    }
    Some(match act.condition.timers.user_timeout_ms {
        Some(0) => (Cause::KeepaliveTimeout, Confidence::Exact),
        Some(_) => (Cause::UserTimeout, Confidence::Exact),
        None => (Cause::KeepaliveTimeout, Confidence::Likely),
    })
}

/// How many probes had no answer.
pub(super) fn keepalive_text(ending: &Ending, act: &Act) -> String {
    let tries = act.condition.timers.tries;
    let probes = tries.map_or_else(String::new, |it| {
        format!(" {}", words::times(it.probes, "keepalive probe"))
    });
    format!(
        "The peer {} did not answer{}; the kernel gave up the connection of {} and sent an RST.",
        ending.flow.remote,
        if probes.is_empty() {
            String::from(" the keepalive probes")
        } else {
            probes
        },
        words::owner(ending)
    )
}

/// How long nothing was acknowledged.
pub(super) fn user_text(ending: &Ending, act: &Act) -> String {
    let limit = act.condition.timers.user_timeout_ms.unwrap_or(0);
    let sent = if act.how == How::RstSent {
        "and sent an RST"
    } else {
        "without a word to the peer"
    };
    format!(
        "The peer {} acknowledged nothing for longer than the TCP_USER_TIMEOUT of {limit} ms that \
         {} had set; the kernel gave the connection up {sent}.",
        ending.flow.remote,
        words::owner(ending)
    )
}

/// What `finrst explain keepalive_timeout` shows.
pub(super) const KEEPALIVE_PAGE: Page = Page {
    title: "keepalive_timeout: keepalive probes went without an answer",
    happened: "\
The program had turned SO_KEEPALIVE on. The connection was idle for TCP_KEEPIDLE
seconds, then the kernel sent TCP_KEEPCNT probes, TCP_KEEPINTVL seconds apart,
and none was answered. It sent an RST, in case the peer is only deaf, and the
program's next call fails with ETIMEDOUT. The peer crashed or lost its link, or
a NAT or firewall on the way has forgotten the connection and drops the probes.",
    confirm: &[
        Step {
            run: "ss -tanpo 'dport = :PORT'",
            shows: "timer:(keepalive,TIME,N): N probes without an answer so far",
        },
        Step {
            run: "nstat -az TcpExtTCPAbortOnTimeout TcpExtTCPKeepAlive",
            shows: "connections given up by a timer; probes sent",
        },
        Step {
            run: "tcpdump -ni any 'tcp port PORT'",
            shows: "segments without data, seq one below the next, unanswered; then [R.]",
        },
    ],
    fix: "\
Ping the peer and look whether it restarted; a new connection works when only a
NAT had forgotten the old one, and then TCP_KEEPIDLE must be shorter than its
timeout. The defaults (two hours) find dead peers late.",
    source: &[
        "tcp_keepalive_timer: net/ipv4/tcp_timer.c",
        "tcp(7), TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT",
        "RFC 1122, section 4.2.3.6; RFC 9293, section 3.8.4",
    ],
};

/// What `finrst explain user_timeout` shows.
pub(super) const USER_PAGE: Page = Page {
    title: "user_timeout: TCP_USER_TIMEOUT ran out",
    happened: "\
The program had set TCP_USER_TIMEOUT, the longest time that data may stay
unacknowledged, or unsent because the peer's window is closed. It ran out. While
data was under way the kernel gives up in silence: no RST leaves, the program's
next call fails with ETIMEDOUT, and the peer finds out when it sends. While the
connection was idle it is the keepalive timer that enforces it, and that one
does send an RST. With the option set, net.ipv4.tcp_retries2 and TCP_KEEPCNT do
not count.",
    confirm: &[
        Step {
            run: "strace -f -yy -e trace=setsockopt -p PID",
            shows: "setsockopt(FD, SOL_TCP, TCP_USER_TIMEOUT, [MILLISECONDS], 4)",
        },
        Step {
            run: "ss -tanpo 'dport = :PORT'",
            shows: "timer:(on,...) with a rising count of retransmissions, or (persist,...)",
        },
        Step {
            run: "nstat -az TcpExtTCPAbortOnTimeout",
            shows: "connections given up by a timer",
        },
    ],
    fix: "\
See why the peer does not acknowledge: a lost route, a dead host, a receiver
that does not read. If the network has longer outages than the program can bear
with, raise the limit; gRPC and some database drivers set 10 to 20 seconds.",
    source: &[
        "retransmits_timed_out, tcp_probe_timer, tcp_keepalive_timer: net/ipv4/tcp_timer.c",
        "tcp(7), TCP_USER_TIMEOUT; RFC 5482",
    ],
};
