//! `simultaneous_close`: both FINs were under way at once.

use super::{
    address::address,
    page::{Page, Step},
    words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Call, Ending, How},
    process::{Actor, Confidence},
    state::TcpState,
};

/// The peer's FIN arrived in `FIN_WAIT1` and acknowledged nothing of ours (`tcp_fin`,
/// `net/ipv4/tcp_input.c`): RFC 9293, section 3.6, case 3.
///
/// A process that ended, or executed another program, is told by that.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let Actor::Task(task) = act.actor else {
        return None;
    };
    let asked = act.how == How::FinSent && task.exit.is_none() && !task.executing;
    let crossed = ending
        .states
        .iter()
        .any(|it| it.from == TcpState::FinWait1 && it.to == TcpState::Closing);
    (asked && crossed).then_some((Cause::SimultaneousClose, Confidence::Exact))
}

/// Who closed here, and that the peer did as well.
pub(super) fn text(ending: &Ending, act: &Act) -> String {
    let who = words::subject(ending, act);
    let remote = address(ending.flow.remote);
    let did = if act.call == Some(Call::Shutdown) {
        "shut its sending side"
    } else {
        "closed"
    };
    let later = words::followed_by(ending, act, How::FinReceived)
        .map(|(_, later)| format!(" {later} later"))
        .unwrap_or_default();
    format!(
        "{who} {did} and so did the peer {remote}: its FIN came{later} and had not seen this \
         side's, so both ends go through CLOSING and keep a TIME_WAIT."
    )
}

/// What `finrst explain simultaneous_close` shows.
pub(super) const PAGE: Page = Page {
    title: "simultaneous_close: both ends closed at once",
    happened: "\
A process closed, or shut its sending side, and the kernel queued a FIN. Before
it was acknowledged the peer's own FIN arrived, which acknowledged nothing of
it: the two had crossed. The socket went from FIN_WAIT1 to CLOSING instead of
FIN_WAIT2. Nothing is lost; the acknowledgements follow, and then both ends, not
only the one that closed first, keep a TIME_WAIT.",
    confirm: &[
        Step {
            run: "tcpdump -ni any 'tcp[tcpflags] & tcp-fin != 0 and port PORT'",
            shows: "two [F.] in opposite directions, the ack of the second not beyond the first's seq",
        },
        Step {
            run: "ss -tan state closing",
            shows: "sockets whose FIN is still not acknowledged after the peer's came",
        },
        Step {
            run: "bpftrace -e 'tracepoint:sock:inet_sock_set_state /args->newstate == 11/ { printf(\"%d -> %d\\n\", args->sport, args->dport); }'",
            shows: "every connection that enters CLOSING (11)",
        },
    ],
    fix: "\
Nothing is wrong with one. Many of them mean that both programs decide by the
same event or the same timeout that they are done; let one of them wait for the
other's end, so that only one side collects TIME_WAIT sockets.",
    source: &[
        "tcp_fin, tcp_rcv_state_process: net/ipv4/tcp_input.c",
        "RFC 9293, section 3.6, case 3, and figure 13",
    ],
};
