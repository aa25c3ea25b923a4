//! `socket_destroyed` and `tcp_repair`: sockets that end without a close of their own.

use super::{
    page::{Page, Step},
    reset, words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    process::{Actor, Confidence},
    socket::FileRefs,
};

/// Advice for a socket killed from outside.
pub(super) const DESTROYED_ADVICE: &str = "Somebody with CAP_NET_ADMIN did this on purpose: the \
    actor tells who.";

/// Advice for a socket under repair.
pub(super) const REPAIR_ADVICE: &str = "Expected while a checkpoint takes the connection away; \
    the peer learns nothing, and whoever restores it goes on.";

/// `ECONNABORTED`.
const ECONNABORTED: u32 = 103;

/// `tcp_abort` (`net/ipv4/tcp.c`) sends its RST before the state changes and leaves `ECONNABORTED`,
/// in the task that asked for it.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    if !matches!(act.actor, Actor::Task(_)) || act.provoked_by.is_some() {
        return None;
    }
    // A path of Multipath TCP is in no file either, and reset in the same way.
    let nobodys = act.condition.file == Some(FileRefs::None) && act.condition.dead != Some(true);
    let multipath = act.condition.timers.mptcp == Some(true) || nobodys;
    let named = act.reason.as_ref().is_some_and(|it| it.is("TCP_STATE"));
    let before = act.state.is_some_and(reset::connected) && !reset::closed_before(ending, act);
    let found = match act.how {
        How::RstSent => before && (named || (reset::says_nothing(act) && !multipath)),
        How::Destroyed => act.call.is_none() && act.condition.err == Some(ECONNABORTED),
        How::FinSent | How::FinReceived | How::RstReceived | How::Timeout | How::HeldOpen => false,
    };
    found.then_some((Cause::SocketDestroyed, Confidence::Exact))
}

/// `tcp_disconnect` (`net/ipv4/tcp.c`) of a socket with `TCP_REPAIR` set leaves `ECONNABORTED` after
/// the transition and sends nothing.
pub(super) fn repair(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let silent = act.how == How::Destroyed && matches!(act.actor, Actor::Task(_));
    let later = act.condition.err == Some(0) && ending.condition.err == Some(ECONNABORTED);
    (silent && later).then_some((Cause::TcpRepair, Confidence::Exact))
}

/// Who destroyed whose socket.
pub(super) fn text(ending: &Ending, act: &Act) -> String {
    let who = words::subject(ending, act);
    let (remote, owner) = (ending.flow.remote, words::owner(ending));
    let sent = if act.how == How::RstSent {
        "the kernel sent an RST to the peer"
    } else {
        "there was nobody to send an RST to"
    };
    format!(
        "{who} destroyed the socket that {owner} has to {remote} from outside (SOCK_DESTROY); \
         {sent}, and the owner's next call fails with ECONNABORTED."
    )
}

/// Who took the socket away.
pub(super) fn repair_text(ending: &Ending, act: &Act) -> String {
    let who = words::subject(ending, act);
    format!(
        "{who} closed the socket to {} under TCP_REPAIR; the kernel sent nothing, and the peer \
         still believes to be connected.",
        ending.flow.remote
    )
}

/// What `finrst explain socket_destroyed` shows.
pub(super) const DESTROYED_PAGE: Page = Page {
    title: "socket_destroyed: the socket was destroyed from outside",
    happened: "\
A process with CAP_NET_ADMIN asked the kernel to destroy the socket: `ss -K`, a
request SOCK_DESTROY over netlink, or bpf_sock_destroy() in a BPF program. The
kernel sent an RST when the connection had got that far, left ECONNABORTED to
the owner, and closed the socket under it. The owner did nothing; its descriptor
stays open until it closes it. The kernel's reason is TCP_STATE. Android does
this to all connections of an address that goes away.",
    confirm: &[
        Step {
            run: "strace -f -e trace=sendmsg,sendto -p PID",
            shows: "in the actor: a netlink message of the type SOCK_DESTROY",
        },
        Step {
            run: "bpftrace -e 'kprobe:tcp_abort { printf(\"%s[%d]\\n\", comm, pid); }'",
            shows: "who destroys sockets",
        },
        Step {
            run: "strace -f -yy -e trace=%network,read,write -Z -p PID",
            shows: "in the owner: the next call on the descriptor fails with ECONNABORTED",
        },
    ],
    fix: "\
Ask whoever ran it: an operator with `ss -K`, a network manager, a script that
drains a host, a CNI plugin that removes an address. Programs should treat
ECONNABORTED as they treat ECONNRESET.",
    source: &[
        "tcp_abort: net/ipv4/tcp.c; tcp_diag_destroy: net/ipv4/tcp_diag.c",
        "sock_diag(7); ss(8), option -K",
    ],
};

/// What `finrst explain tcp_repair` shows.
pub(super) const REPAIR_PAGE: Page = Page {
    title: "tcp_repair: a socket under repair was closed",
    happened: "\
The socket had the option TCP_REPAIR set when it was closed or disconnected.
That is how a checkpoint (CRIU) takes a live connection out of the kernel: its
queues and sequence numbers were read before, and the close must not be seen on
the wire. The kernel sent neither FIN nor RST and left ECONNABORTED. Unless
somebody restores the connection, the peer finds out only when it sends: the
answer is an RST, told of as stray_segment.",
    confirm: &[
        Step {
            run: "strace -f -yy -e trace=setsockopt,close -p PID",
            shows: "setsockopt(FD, SOL_TCP, TCP_REPAIR, [1], 4), then the close",
        },
        Step {
            run: "tcpdump -ni any 'tcp[tcpflags] & (tcp-fin|tcp-rst) != 0 and port PORT'",
            shows: "nothing at the time of the close (this filter matches IPv4 only)",
        },
        Step {
            run: "ss -tan 'sport = :PORT'",
            shows: "at the peer: the connection is still ESTAB",
        },
    ],
    fix: "\
Nothing during a migration. A program that sets TCP_REPAIR for another purpose,
to close without a word, leaves its peers with dead connections: let it close
them in order.",
    source: &[
        "tcp_disconnect, __tcp_close: net/ipv4/tcp.c",
        "tcp(7), TCP_REPAIR",
    ],
};
