//! `app_close`: a process closed the last descriptor.

use super::{
    address::address,
    page::{Page, Step},
    words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Call, Ending, How},
    process::{Actor, Confidence},
    socket::FileRefs,
    state::TcpState,
};

/// `__tcp_close` (`net/ipv4/tcp.c`) sent a FIN, or had nothing to send, in a task that lives on.
///
/// RFC 9293, section 3.10.4. Exact where a hook saw the call or the file was being released; a
/// kernel thread closes for a process it does not name (`delayed_fput`, `fs/file_table.c`).
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    if !ends_by_close(act) {
        return None;
    }
    let seen = ending.close_called.is_some_and(|call| call.seen);
    let released = act.condition.file == Some(FileRefs::Released);
    let confidence = match act.actor {
        Actor::Task(_) if seen || released => Confidence::Exact,
        Actor::Task(_) | Actor::KernelThread(_) => Confidence::Likely,
        Actor::Softirq | Actor::Unknown => return None,
    };
    Some((Cause::AppClose, confidence))
}

/// Whether the act is a close that sent a FIN, or rightly nothing.
///
/// Only a socket that still connects is closed in silence; where a connected one went without a
/// FIN or an RST, that event was lost.
pub(super) fn ends_by_close(act: &Act) -> bool {
    let silent = act.how == How::Destroyed && act.state == Some(TcpState::SynSent);
    act.call == Some(Call::Close) && (act.how == How::FinSent || silent)
}

/// Who closed it, and what was still on its way.
pub(super) fn text(ending: &Ending, act: &Act) -> String {
    let who = words::subject(ending, act);
    let remote = address(ending.flow.remote);
    if act.how == How::Destroyed {
        return format!(
            "{who} closed the socket to {remote} in SYN_SENT; there was nothing to finish, so the \
             kernel sent neither FIN nor RST."
        );
    }
    let unsent = match act.condition.unsent {
        Some(count) if count > 0 => {
            format!(", behind {} not sent yet", words::bytes(count))
        }
        Some(_) | None => String::new(),
    };
    let answer = words::followed_by(ending, act, How::FinReceived)
        .map(|(_, later)| format!(" The peer's FIN arrived {later} later."))
        .unwrap_or_default();
    let late = words::let_go(ending, act);
    format!(
        "{who} closed the connection to {remote}, and the kernel queued a FIN{unsent}.{late}{answer}"
    )
}

/// What `finrst explain app_close` shows.
pub(super) const PAGE: Page = Page {
    title: "app_close: a process closed the connection",
    happened: "\
A process closed the last descriptor that referred to the socket: close(2),
dup2(2) over it, or close_range(2). No received
data was left unread and SO_LINGER asked for no reset, so the kernel queued a
FIN behind whatever was still unsent and went to FIN_WAIT1 (or to LAST_ACK, when
the peer had closed before). Nobody holds the socket any more; the kernel
finishes the connection alone. A socket closed while it was still connecting
sends nothing. The end that closes first keeps the TIME_WAIT.",
    confirm: &[
        Step {
            run: "strace -f -yy -e trace=close,close_range,dup2,dup3,execve -p PID",
            shows: "the close of the descriptor that -yy shows as TCP:[LOCAL->REMOTE]",
        },
        Step {
            run: "tcpdump -ni any 'tcp[tcpflags] & tcp-fin != 0 and port PORT'",
            shows: "[F.] leaving this host first (this filter matches IPv4 only)",
        },
        Step {
            run: "ss -tan 'dport = :PORT or sport = :PORT'",
            shows: "FIN-WAIT-1, FIN-WAIT-2 or TIME-WAIT on the end that closed first",
        },
        Step {
            run: "bpftrace -e 'tracepoint:sock:inet_sock_set_state /args->newstate == 4 || args->newstate == 9/ { printf(\"%s[%d] %d -> %d %s\\n\", comm, pid, args->sport, args->dport, ustack(5)); }'",
            shows: "who sends each FIN, with ports and user stack (4 is FIN_WAIT1, 9 is LAST_ACK)",
        },
    ],
    fix: "\
Nothing, where the program meant it. If the peer was surprised, look for an idle
timeout, a pool limit or a deadline in the closing program, and let the side
that can afford TIME_WAIT close first.",
    source: &[
        "__tcp_close, tcp_close_state: net/ipv4/tcp.c",
        "tcp_send_fin: net/ipv4/tcp_output.c",
        "RFC 9293, sections 3.6 and 3.10.4",
    ],
};
