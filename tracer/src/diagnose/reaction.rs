//! `slow_reaction` and `close_wait_leak`: how this side took the peer's FIN.

use super::{
    page::{Page, Step},
    words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    process::{Actor, Confidence},
    state::TcpState,
    time::MonoNs,
};

/// Nanoseconds in `CLOSE_WAIT` that are slow.
const SLOW_NS: u64 = 1_000_000_000;

/// Nanoseconds after which a socket still open when the run ends counts as leaked.
const STILL_NS: u64 = 10_000_000_000;

/// Advice for a program that closes late.
pub(super) const SLOW_ADVICE: &str = "Read until end of file and close then: a program that does \
    not watch the socket learns of the peer's end only by chance.";

/// Advice for a program that does not close.
pub(super) const LEAK_ADVICE: &str = "Find the path that forgets to close after end of file: the \
    socket holds a descriptor and memory for as long as the process lives.";

/// The peer's FIN came first (`tcp_fin`, `net/ipv4/tcp_input.c`), and `CLOSE_WAIT` lasted.
///
/// A program that goes on sending makes use of the half-closed connection, and is not slow: where
/// nothing tells whether it sent, the verdict is *likely*.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    if act.how != How::FinReceived {
        return None;
    }
    let entered = ending
        .states
        .iter()
        .find(|it| it.to == TcpState::CloseWait)
        .map(|it| it.at)
        .or_else(|| held_back(act))?;
    let left = ending
        .states
        .iter()
        .find(|it| it.from == TcpState::CloseWait && it.at >= entered);
    let Some(left) = left else {
        let open = ending.destroyed.is_none() && ending.until.since(entered) >= STILL_NS;
        return open.then_some((Cause::CloseWaitLeak, Confidence::Likely));
    };
    let own = ending
        .acts
        .iter()
        .find(|it| it.at >= left.at && matches!(it.how, How::FinSent | How::RstSent))?;
    let sent = act.condition.write_seq.zip(own.condition.write_seq);
    if left.at.since(entered) < SLOW_NS || sent.is_some_and(|(then, now)| then != now) {
        return None;
    }
    // Where the numbers are not known, it may have sent something.
    let sure = if sent.is_some() {
        Confidence::Exact
    } else {
        Confidence::Likely
    };
    match own.actor {
        Actor::Task(task) if task.exit.is_some() => Some((Cause::CloseWaitLeak, sure)),
        Actor::Task(_) | Actor::KernelThread(_) => Some((Cause::SlowReaction, sure)),
        Actor::Softirq | Actor::Unknown => None,
    }
}

/// When `CLOSE_WAIT` began that a process filter did not let pass, because it did not know yet whose
/// the socket was: of such a FIN only the time is told, later.
fn held_back(act: &Act) -> Option<MonoNs> {
    (act.state == Some(TcpState::Established)).then_some(act.at)
}

/// Who took how long.
pub(super) fn slow_text(ending: &Ending, act: &Act) -> String {
    let own = ending
        .acts
        .iter()
        .find(|it| it.at >= act.at && matches!(it.how, How::FinSent | How::RstSent));
    let who = own.map_or_else(
        || words::owner_first(ending),
        |it| words::subject(ending, it),
    );
    let waited = own.map_or(0, |it| it.at.since(act.at));
    format!(
        "The peer {} closed its side first, and {who} let {} pass in CLOSE_WAIT before it closed \
         as well.",
        ending.flow.remote,
        words::Duration(waited)
    )
}

/// Who never closed.
pub(super) fn leak_text(ending: &Ending, act: &Act) -> String {
    let (remote, owner) = (ending.flow.remote, words::owner(ending));
    let own = ending
        .acts
        .iter()
        .find(|it| it.at >= act.at && matches!(it.how, How::FinSent | How::RstSent));
    match own {
        Some(own) => format!(
            "The peer {remote} closed its side first, and {owner} never did: only its exit, {} \
             later, closed the socket.",
            words::Duration(own.at.since(act.at))
        ),
        None => format!(
            "The peer {remote} closed its side {} ago, and {owner} still holds the socket in \
             CLOSE_WAIT.",
            words::Duration(ending.until.since(act.at))
        ),
    }
}

/// What `finrst explain slow_reaction` shows.
pub(super) const SLOW_PAGE: Page = Page {
    title: "slow_reaction: the program took its time to close",
    happened: "\
The peer's FIN arrived, and the program closed its side only a second or more
later, without having sent anything in between. The connection spent that time
in CLOSE_WAIT here and in FIN_WAIT2 at the peer; a peer that has closed and not
only shut its side forgets it after a minute. As a rule the program was busy
with something else, or looked at the socket only when it wanted to use it
again, as pools do.",
    confirm: &[
        Step {
            run: "ss -tanp state close-wait",
            shows: "sockets whose program has not reacted yet, with process and descriptor",
        },
        Step {
            run: "strace -f -tt -yy -e trace=read,recvfrom,close,epoll_wait,poll -p PID",
            shows: "when the read returns 0, and when the close follows",
        },
        Step {
            run: "tcpdump -ttt -ni any 'tcp[tcpflags] & tcp-fin != 0 and port PORT'",
            shows: "the time between both FINs (this filter matches IPv4 only)",
        },
    ],
    fix: "\
Watch idle sockets as well: have the event loop wake on end of file (EPOLLRDHUP)
and close at once. A pool should throw such connections out before it hands them
to somebody, or the next write ends as wrote_after_peer_close.",
    source: &[
        "tcp_fin: net/ipv4/tcp_input.c; tcp_close_state: net/ipv4/tcp.c",
        "RFC 9293, section 3.6; RFC 1122, section 4.2.2.13",
    ],
};

/// What `finrst explain close_wait_leak` shows.
pub(super) const LEAK_PAGE: Page = Page {
    title: "close_wait_leak: the program never closed",
    happened: "\
The peer's FIN arrived, and the program never closed its side. Nothing makes it:
CLOSE_WAIT has no time limit, and the kernel keeps socket and descriptor until
the program closes or ends. Told as exact when the process ended with the socket
in CLOSE_WAIT for a second or more; as likely when the socket is still open
after ten seconds or more at the end of a run. A leak grows until the process
runs out of descriptors (EMFILE).",
    confirm: &[
        Step {
            run: "ss -tanp state close-wait | sort -k5",
            shows: "the leaked sockets by peer, with process and descriptor",
        },
        Step {
            run: "ls /proc/PID/fd | wc -l",
            shows: "descriptors of the process; it only grows",
        },
        Step {
            run: "strace -f -yy -e trace=read,recvfrom,close -p PID",
            shows: "a read that returns 0 and no close after it, or no read at all",
        },
    ],
    fix: "\
Close on every path: after end of file, after errors, and in the branch that
gives a connection up (in Go: resp.Body.Close; in Java: try-with-resources). A
reader that waits for something else with the socket forgotten needs a timeout.",
    source: &[
        "tcp_fin: net/ipv4/tcp_input.c; do_exit: kernel/exit.c",
        "RFC 9293, section 3.6; RFC 1122, section 4.2.2.13",
    ],
};
