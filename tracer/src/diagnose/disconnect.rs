//! `disconnect`: `connect(2)` with `AF_UNSPEC` dropped the connection.

use super::{
    address::address,
    page::{Page, Step},
    reset, words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    process::{Actor, Confidence},
    socket::FileRefs,
};

/// Advice for a connection dropped by its own process.
pub(super) const ADVICE: &str = "A plain close ends a connection in order; connect(AF_UNSPEC) is \
    for sockets that are to be used again, and always resets.";

/// `ECONNABORTED`: `tcp_abort` leaves it, from outside.
const ECONNABORTED: u32 = 103;

/// `__inet_stream_connect` called `tcp_disconnect` (`net/ipv4/tcp.c`), which sets `CLOSE` and then
/// sends the RST, under the socket's lock and with the file still held.
///
/// Whoever destroys a socket from outside sends the RST first; a close releases the file.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let task = matches!(act.actor, Actor::Task(_));
    let held = act.condition.file == Some(FileRefs::Held);
    let abroad = act.condition.err == Some(ECONNABORTED);
    if !task || !held || abroad || act.provoked_by.is_some() {
        return None;
    }
    let sent = act.how == How::RstSent && act.state.is_some_and(reset::connected);
    if !sent || !reset::closed_before(ending, act) {
        return None;
    }
    let named = act
        .reason
        .as_ref()
        .is_some_and(|it| it.is("TCP_STATE") || it.is("TCP_DISCONNECT_WITH_DATA"));
    (named || reset::says_nothing(act)).then_some((Cause::Disconnect, Confidence::Exact))
}

/// Who dropped it.
pub(super) fn text(ending: &Ending, act: &Act) -> String {
    let who = words::subject(ending, act);
    let remote = address(ending.flow.remote);
    format!(
        "{who} dropped the connection to {remote} by connect(2) with AF_UNSPEC and keeps the \
         socket; the kernel sent an RST and dropped what was unsent or unread."
    )
}

/// What `finrst explain disconnect` shows.
pub(super) const PAGE: Page = Page {
    title: "disconnect: connect(AF_UNSPEC) dropped the connection",
    happened: "\
A process called connect(2) on a connected socket with an address of the family
AF_UNSPEC. That dissolves the association and leaves the socket free to connect
anew: the kernel aborts the connection with an RST, drops all data on its way,
and keeps the descriptor open. No close was called. The kernel's reason is
TCP_STATE, which it also gives for SO_LINGER zero, closing listeners and
SOCK_DESTROY; here the file was still held and the state was CLOSE before the
RST left, which is the case for none of them.",
    confirm: &[
        Step {
            run: "strace -f -yy -e trace=connect -p PID",
            shows: "connect(FD, {sa_family=AF_UNSPEC, ...}) on a descriptor that is connected",
        },
        Step {
            run: "bpftrace -e 'kprobe:tcp_disconnect { printf(\"%s[%d] %s\\n\", comm, pid, kstack(6)); }'",
            shows: "__inet_stream_connect in the stack",
        },
        Step {
            run: "tcpdump -ni any 'tcp[tcpflags] & tcp-rst != 0 and port PORT'",
            shows: "[R.] from this host with no [F.] before it (this filter matches IPv4 only)",
        },
    ],
    fix: "\
Close the socket and make another one, unless it has to keep its descriptor or
its bound port. Glibc's resolver and some probes of Happy Eyeballs do this on
sockets that carry no data, and there it does no harm.",
    source: &[
        "__inet_stream_connect: net/ipv4/af_inet.c; tcp_disconnect: net/ipv4/tcp.c",
        "connect(2); RFC 9293, section 3.10.5",
    ],
};
