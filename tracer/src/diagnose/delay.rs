//! `fin_delayed_by_unsent_data` and `linger_wait`: closes that took their time.

use super::{
    close,
    page::{Page, Step},
    words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    explained::Evidence,
    process::{Actor, Confidence},
    state::TcpState,
};

/// Advice for a FIN behind data.
pub(super) const DELAYED_ADVICE: &str = "The peer takes the data slowly; until it has it all the \
    kernel keeps the socket, and a crash of this host loses the rest.";

/// Advice for a close that blocks.
pub(super) const LINGER_ADVICE: &str = "SO_LINGER makes close(2) block the thread, O_NONBLOCK or \
    not; an event loop should not set it.";

/// Nanoseconds that are a wait, whatever the network.
const WAIT_NS: u64 = 10_000_000;

/// `__tcp_close` waited in `sk_stream_wait_close` (`net/core/stream.c`) until the FIN was
/// acknowledged, or its time was over; an exiting process never waits (`inet_release`).
pub(super) fn linger(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let lingers = act.condition.linger?.is_some_and(|time| time > 0);
    if !asked(act) || !lingers {
        return None;
    }
    let (waited, confidence) = match ending.phases().fin_to_ack {
        Some(waited) => (waited, Confidence::Exact),
        None => (ending.until.since(act.at), Confidence::Likely),
    };
    (waited >= WAIT_NS).then_some((Cause::LingerWait, confidence))
}

/// The FIN was queued behind data (`tcp_send_fin`, `net/ipv4/tcp_output.c`) and left with it.
///
/// Without a capture only its acknowledgement tells when.
pub(super) fn unsent(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    if !asked(act) || act.condition.unsent? == 0 {
        return None;
    }
    let phases = ending.phases();
    let round_trips = u64::from(act.condition.rtt_us.unwrap_or(0)) * 4_000;
    let delayed = Some((Cause::FinDelayedByUnsentData, Confidence::Exact));
    if phases.fin_to_wire.is_some_and(|waited| waited >= WAIT_NS) {
        return delayed;
    }
    let waited = phases.fin_to_ack.or_else(|| still(ending, act))?;
    let slow = waited >= WAIT_NS.max(round_trips);
    (slow && phases.fin_to_wire.is_none())
        .then_some((Cause::FinDelayedByUnsentData, Confidence::Likely))
}

/// Nanoseconds for which a FIN behind unsent data had not been acknowledged when its ending was told;
/// `None` where it was, or left, or something else ended the connection.
fn still(ending: &Ending, act: &Act) -> Option<u64> {
    let behind = act.how == How::FinSent && act.condition.unsent? > 0;
    let last = ending.states.last()?.to;
    let queued = matches!(
        last,
        TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck
    );
    let phases = ending.phases();
    let left = phases.fin_to_wire.is_some() || phases.fin_to_ack.is_some();
    (behind && queued && !left && ending.destroyed.is_none()).then(|| ending.until.since(act.at))
}

/// A sentence on a FIN that had not left by the time it was told, with a blank before it; empty for
/// any other.
///
/// Without a capture, it may have left and wait for its acknowledgement.
pub(super) fn waiting(ending: &Ending, act: &Act) -> String {
    let Some(waited) = still(ending, act) else {
        return String::new();
    };
    let waited = words::Duration(waited);
    if ending.segments.is_some() {
        format!(" The FIN is still queued behind them: {waited} later it had not left.")
    } else {
        format!(" The FIN is queued behind them, and {waited} later nothing had acknowledged it.")
    }
}

/// The evidence of it.
pub(super) fn evidence(ending: &Ending, act: &Act, facts: &mut Evidence) {
    if let Some(ns) = still(ending, act) {
        facts.add("fin_waiting_ns", ns);
    }
}

/// Whether a process that lives on closed the socket.
fn asked(act: &Act) -> bool {
    let lives = matches!(act.actor, Actor::Task(task) if task.exit.is_none() && !task.executing);
    lives && close::ends_by_close(act)
}

/// Who closed, and what the FIN waited for.
pub(super) fn unsent_text(ending: &Ending, act: &Act) -> String {
    let who = words::subject(ending, act);
    let left = act.condition.unsent.unwrap_or(0);
    if still(ending, act).is_some() {
        return format!(
            "{who} closed the connection to {} with {} not sent yet.{}",
            ending.flow.remote,
            words::bytes(left),
            waiting(ending, act)
        );
    }
    let phases = ending.phases();
    let when = match (phases.fin_to_wire, phases.fin_to_ack) {
        (Some(waited), _) => format!("it left {} later", words::Duration(waited)),
        (None, Some(waited)) => format!("it was acknowledged {} later", words::Duration(waited)),
        (None, None) => String::from("it left later"),
    };
    format!(
        "{who} closed the connection to {} with {} not sent yet; the FIN had to wait behind them, \
         and {when}.",
        ending.flow.remote,
        words::bytes(left)
    )
}

/// Who was blocked for how long.
pub(super) fn linger_text(ending: &Ending, act: &Act) -> String {
    let who = words::subject(ending, act);
    let waited = match ending.phases().fin_to_ack {
        Some(waited) => format!("{} until the FIN was acknowledged", words::Duration(waited)),
        None => format!(
            "in vain: the FIN was not acknowledged {} later",
            words::Duration(ending.until.since(act.at))
        ),
    };
    format!(
        "{who} closed the connection to {} with SO_LINGER set, so close(2) waited {waited}.",
        ending.flow.remote
    )
}

/// What `finrst explain fin_delayed_by_unsent_data` shows.
pub(super) const DELAYED_PAGE: Page = Page {
    title: "fin_delayed_by_unsent_data: the FIN waited behind data",
    happened: "\
A process closed the socket while data it had written was still unsent: the
peer's window, the congestion window or pacing held it back. close(2) returned
at once; the kernel queued the FIN behind the data and went on alone. The FIN
left, and the peer saw the end, only when all of it had gone. The socket was an
orphan in FIN_WAIT1 meanwhile, and took memory. An ending is told when nothing
happened for a while (--settle), so the FIN may be waiting still: then it says
for how long, and what becomes of the connection is told as its next ending.",
    confirm: &[
        Step {
            run: "ss -tano state fin-wait-1",
            shows: "sockets without a process and with Send-Q above zero",
        },
        Step {
            run: "ss -tin 'dport = :PORT'",
            shows: "notsent, rwnd_limited and cwnd: what holds the data back",
        },
        Step {
            run: "tcpdump -ni any 'tcp port PORT'",
            shows: "[FP.] on the last data segment, long after the close; win of the peer's ACKs",
        },
    ],
    fix: "\
Nothing, where the peer is merely slow. If the program must know that all was
delivered, it shuts its sending side and waits for the peer's end of file. Look
at why the peer does not read when the window is zero.",
    source: &[
        "tcp_send_fin, tcp_write_xmit: net/ipv4/tcp_output.c",
        "RFC 9293, sections 3.6 and 3.10.4",
    ],
};

/// What `finrst explain linger_wait` shows.
pub(super) const LINGER_PAGE: Page = Page {
    title: "linger_wait: close(2) waited, as SO_LINGER asks for",
    happened: "\
The socket had SO_LINGER on with a time above zero. close(2) then does not
return at once: it waits until everything sent, the FIN included, is
acknowledged, or until the time is over. The thread was blocked in the kernel
for that long, with O_NONBLOCK set as well. When the time runs out close returns
all the same, and the kernel goes on alone; the return value does not tell which
it was. A process that exits never waits.",
    confirm: &[
        Step {
            run: "strace -f -T -yy -e trace=setsockopt,close -p PID",
            shows: "SO_LINGER with l_linger above 0; the time close took, in angle brackets",
        },
        Step {
            run: "cat /proc/PID/task/TID/stack",
            shows: "sk_stream_wait_close while it waits",
        },
        Step {
            run: "bpftrace -e 'kprobe:tcp_close { @t[tid] = nsecs; } kretprobe:tcp_close /@t[tid]/ { @us = hist((nsecs - @t[tid]) / 1000); delete(@t[tid]); }'",
            shows: "how long closes take, in microseconds",
        },
    ],
    fix: "\
Take the option out; a plain close delivers the same data without waiting. Where
delivery must be known, shut the sending side and read to end of file: that is
an answer of the peer's program, not only of its kernel.",
    source: &[
        "__tcp_close: net/ipv4/tcp.c; sk_stream_wait_close: net/core/stream.c",
        "socket(7), SO_LINGER; inet_release: net/ipv4/af_inet.c",
    ],
};
