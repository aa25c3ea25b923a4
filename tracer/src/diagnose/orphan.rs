//! `orphan_pressure`, `fin_wait2_timeout` and `fin_wait2_stuck`: after this side has closed.

use super::{
    page::{Page, Step},
    reset, words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Call, Ending, How},
    process::{Actor, Confidence},
    state::TcpState,
};

/// Advice for orphans the kernel could not keep.
pub(super) const PRESSURE_ADVICE: &str = "Look at net.ipv4.tcp_max_orphans and net.ipv4.tcp_mem, \
    and at who closes connections with data unsent to slow peers.";

/// Advice for a FIN nobody waits for.
pub(super) const TIMEOUT_ADVICE: &str = "A negative TCP_LINGER2 asks for this; take it out if the \
    peer is to finish in order.";

/// Advice for a peer that never closes.
pub(super) const STUCK_ADVICE: &str = "The peer did not answer the half close with its own: see \
    what its program waits for, and put a limit on the wait.";

/// Nanoseconds in `FIN_WAIT2` after which giving up means the peer did not answer.
const STUCK_NS: u64 = 1_000_000_000;

/// The same for a socket still open when the run ends.
const STILL_NS: u64 = 10_000_000_000;

/// RSTs for sockets nobody holds, by `tcp_check_oom` and the timers (`net/ipv4/tcp_timer.c`).
pub(super) fn pressure(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let orphan = act.how == How::RstSent && act.provoked_by.is_none();
    let named = |name| act.reason.as_ref().is_some_and(|it| it.is(name));
    if orphan && named("TCP_ABORT_ON_MEMORY") {
        return Some((Cause::OrphanPressure, Confidence::Exact));
    }
    if !orphan || !reset::says_nothing(act) || act.condition.dead != Some(true) {
        return None;
    }
    let waits = act.condition.timers.linger2? >= 0;
    let at_close = reset::closed_before(ending, act) && matches!(act.actor, Actor::Task(_));
    let by_timer = act.actor == Actor::Softirq && act.state != Some(TcpState::FinWait2);
    ((at_close && waits) || by_timer).then_some((Cause::OrphanPressure, Confidence::Likely))
}

/// RSTs in place of waiting in `FIN_WAIT2`: with a negative `TCP_LINGER2` at once (`__tcp_close`,
/// `tcp_rcv_state_process`), else when its time is over (`tcp_keepalive_timer`).
pub(super) fn timeout(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    if act.how != How::RstSent {
        return None;
    }
    let named = |name| act.reason.as_ref().is_some_and(|it| it.is(name));
    if named("TCP_ABORT_ON_LINGER") {
        return Some((Cause::FinWait2Timeout, Confidence::Exact));
    }
    let dead = act.condition.dead == Some(true);
    let never_waits = act.condition.timers.linger2.is_some_and(|it| it < 0);
    let found = match (act.provoked_by, act.state) {
        (Some(_), Some(TcpState::FinWait1 | TcpState::FinWait2)) => dead && never_waits,
        (None, Some(TcpState::FinWait2)) if reset::says_nothing(act) => {
            dead && (act.actor == Actor::Softirq || never_waits)
        }
        (None, Some(TcpState::FinWait2)) => {
            dead && act.actor == Actor::Softirq && named("TCP_STATE")
        }
        (Some(_) | None, _) => false,
    };
    (found && ending.socket.is_some()).then_some((Cause::FinWait2Timeout, Confidence::Exact))
}

/// A half-closed socket waited for the peer's FIN, and was given up without it.
pub(super) fn stuck(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let half = act.how == How::FinSent && act.call == Some(Call::Shutdown);
    let answered = ending.acts.iter().any(|it| it.how == How::FinReceived);
    let entered = ending
        .states
        .iter()
        .find(|it| it.to == TcpState::FinWait2)?;
    if !half || answered {
        return None;
    }
    let left = ending
        .states
        .iter()
        .find(|it| it.from == TcpState::FinWait2 && it.at >= entered.at);
    let (waited, least, confidence) = match left {
        Some(left) => (left.at.since(entered.at), STUCK_NS, Confidence::Exact),
        None => (ending.until.since(entered.at), STILL_NS, Confidence::Likely),
    };
    (waited >= least).then_some((Cause::FinWait2Stuck, confidence))
}

/// Whose orphan it was.
pub(super) fn pressure_text(ending: &Ending, act: &Act) -> String {
    let left = act.condition.unacked.unwrap_or(0);
    format!(
        "{} had closed the connection to {} with {} not acknowledged; the kernel has too many \
         such sockets, or too little memory, and reset it.",
        words::owner_first(ending),
        ending.flow.remote,
        words::bytes(left)
    )
}

/// Whose socket did not wait.
pub(super) fn timeout_text(ending: &Ending, act: &Act) -> String {
    let why = if act.condition.timers.linger2.is_some_and(|it| it < 0) {
        "TCP_LINGER2 is negative"
    } else {
        "the time for it was over"
    };
    format!(
        "{} had closed the connection to {} and its FIN was acknowledged, but the peer's FIN was \
         not waited for: {why}, so the kernel sent an RST.",
        words::owner_first(ending),
        ending.flow.remote
    )
}

/// Who waited how long.
pub(super) fn stuck_text(ending: &Ending, act: &Act) -> String {
    let who = words::subject(ending, act);
    let until = ending
        .states
        .iter()
        .find(|it| it.from == TcpState::FinWait2)
        .map_or(ending.until, |left| left.at);
    let waited = words::Duration(until.since(act.at));
    format!(
        "{who} shut its sending side of the connection to {} and waited {waited} for the peer's \
         FIN, which did not come.",
        ending.flow.remote
    )
}

/// What `finrst explain orphan_pressure` shows.
pub(super) const PRESSURE_PAGE: Page = Page {
    title: "orphan_pressure: too many closed sockets, or too little memory",
    happened: "\
A program had closed the socket, and the kernel was to deliver the rest alone.
There were more such orphans than net.ipv4.tcp_max_orphans allows (those that
make no progress count double or fourfold), or TCP as a whole used more memory
than net.ipv4.tcp_mem allows. So it sent an RST and dropped what was left. It
happens at the close, and later when a timer of the orphan runs out.",
    confirm: &[
        Step {
            run: "cat /proc/net/sockstat",
            shows: "orphan against net.ipv4.tcp_max_orphans; mem, in pages, against tcp_mem",
        },
        Step {
            run: "nstat -az TcpExtTCPAbortOnMemory",
            shows: "it grows by one for each",
        },
        Step {
            run: "dmesg --ctime | grep -E 'too many orphaned sockets|out of memory'",
            shows: "the kernel's own complaint, which is limited in rate",
        },
    ],
    fix: "\
Find who closes with much unsent to peers that do not read, and have it wait or
reset. Raise tcp_max_orphans (each costs up to 64 KiB) and tcp_mem when the
machine has the memory. A flood of clients that vanish looks the same.",
    source: &[
        "tcp_check_oom, __tcp_close: net/ipv4/tcp.c; tcp_out_of_resources: net/ipv4/tcp_timer.c",
        "ip-sysctl, tcp_max_orphans and tcp_mem",
    ],
};

/// What `finrst explain fin_wait2_timeout` shows.
pub(super) const TIMEOUT_PAGE: Page = Page {
    title: "fin_wait2_timeout: the peer's FIN was not waited for",
    happened: "\
The program had closed, this side's FIN was acknowledged, and the peer's FIN had
not come: FIN_WAIT2. A socket without a process waits there only for
net.ipv4.tcp_fin_timeout (60 seconds) or TCP_LINGER2. As a rule a stand-in waits
and goes in silence. With TCP_LINGER2 negative nothing waits: the kernel resets
at once. It also resets when a full socket had to wait and its time is over. The
peer, which may still be sending, gets ECONNRESET.",
    confirm: &[
        Step {
            run: "strace -f -yy -e trace=setsockopt,close -p PID",
            shows: "setsockopt(FD, SOL_TCP, TCP_LINGER2, [-1], 4), then the close",
        },
        Step {
            run: "nstat -az TcpExtTCPAbortOnLinger TcpExtTCPAbortOnData",
            shows: "connections reset in FIN_WAIT2; those whose FIN was just acknowledged",
        },
        Step {
            run: "ss -tano state fin-wait-2",
            shows: "sockets and stand-ins that wait, with their timers",
        },
    ],
    fix: "\
Do not set TCP_LINGER2 to a negative value, unless the peer is known to be done
when this side closes. If many connections wait in FIN_WAIT2, the peers do not
close: that is to be mended there.",
    source: &[
        "__tcp_close: net/ipv4/tcp.c; tcp_keepalive_timer: net/ipv4/tcp_timer.c",
        "tcp_rcv_state_process: net/ipv4/tcp_input.c; tcp(7), TCP_LINGER2",
    ],
};

/// What `finrst explain fin_wait2_stuck` shows.
pub(super) const STUCK_PAGE: Page = Page {
    title: "fin_wait2_stuck: the peer never answered a half close",
    happened: "\
The program shut its sending side, kept the socket, and waited for the peer to
finish as well. The peer acknowledged the FIN and never sent its own: its
program did not see the end of file, or did not act on it. While a descriptor is
held FIN_WAIT2 has no time limit; this one ended when the program gave up and
closed, or exited, or it was still there when finrst stopped watching (then the
verdict is only likely).",
    confirm: &[
        Step {
            run: "ss -tanpo state fin-wait-2",
            shows: "half-closed sockets with the process that holds them",
        },
        Step {
            run: "ss -tanp state close-wait",
            shows: "at the peer: the same connection, and the process that does not close it",
        },
        Step {
            run: "strace -f -yy -e trace=shutdown,read,recvfrom,poll,epoll_wait,close -p PID",
            shows: "shutdown(FD, SHUT_WR), then a read that does not return",
        },
    ],
    fix: "\
At the peer: close after end of file (see close_wait_leak). Here: put a time
limit on the read after shutdown, then close; the kernel's tcp_fin_timeout
counts only from the close on.",
    source: &[
        "tcp_shutdown: net/ipv4/tcp.c; tcp_rcv_state_process: net/ipv4/tcp_input.c",
        "RFC 9293, section 3.6; RFC 1122, section 4.2.2.20",
    ],
};
