//! `refused`, `wrote_after_peer_close` and `reset_while_idle`: what an RST from the peer answered.

use super::{
    page::{Page, Step},
    peer, words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    process::Confidence,
    state::TcpState,
};

/// Milliseconds without data after which a connection counts as idle.
const IDLE_MS: u32 = 1_000;

/// Advice for a refused connection.
pub(super) const REFUSED_ADVICE: &str = "Check that something listens on the peer's address and \
    port, and that no firewall rejects.";

/// Advice for a write nobody waited for.
pub(super) const WROTE_ADVICE: &str = "Look for the peer's end of file before a connection is used \
    again (a pool's health check, a read that returns 0), and retry on a new one.";

/// Advice for a connection that died in its sleep.
pub(super) const IDLE_ADVICE: &str = "Something gives up idle connections: keep ours for a \
    shorter time than the peer or the middlebox does, or send keepalives.";

/// `tcp_reset` (`net/ipv4/tcp_input.c`) ran, and what was under way says what the RST answered.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let (_, certain) = peer::reset(ending, act)?;
    match act.state? {
        TcpState::SynSent => Some((Cause::Refused, certain)),
        TcpState::CloseWait | TcpState::LastAck => {
            wrote(ending, act).map(|sure| (Cause::WroteAfterPeerClose, sure.min(certain)))
        }
        TcpState::Established => idle(act).then_some((Cause::ResetWhileIdle, certain)),
        TcpState::SynRecv
        | TcpState::NewSynRecv
        | TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::TimeWait
        | TcpState::Close
        | TcpState::Listen
        | TcpState::Closing => None,
    }
}

/// Whether something was written between the peer's FIN and its RST.
fn wrote(ending: &Ending, act: &Act) -> Option<Confidence> {
    let fin = ending.acts.iter().find(|it| it.how == How::FinReceived)?;
    let ours = ending.acts.iter().find(|it| it.how == How::FinSent);
    // Our own FIN takes a number as well, and what was written before it is what matters.
    let last = ours.map_or(act.condition.write_seq, |it| it.condition.write_seq);
    match fin.condition.write_seq.zip(last) {
        Some((before, after)) => (before != after).then_some(Confidence::Exact),
        None => (ours.is_none() && act.condition.unacked? > 0).then_some(Confidence::Likely),
    }
}

fn idle(act: &Act) -> bool {
    let quiet = act.condition.timers.idle_ms.is_some_and(|ms| ms >= IDLE_MS);
    quiet && act.condition.unacked == Some(0)
}

/// Who tried to connect.
pub(super) fn refused_text(ending: &Ending, _: &Act) -> String {
    format!(
        "The peer {} refused the connection that {} tried to open: an RST answered the SYN.",
        ending.flow.remote,
        words::owner(ending)
    )
}

/// Who wrote how long after the peer's FIN.
pub(super) fn wrote_text(ending: &Ending, act: &Act) -> String {
    let (remote, owner) = (ending.flow.remote, words::owner_first(ending));
    let fin = ending.acts.iter().find(|it| it.how == How::FinReceived);
    let waited = fin.map(|fin| act.at.since(fin.at));
    let age = act.condition.timers.unacked_age_us.filter(|&us| us > 0);
    let age = age.map_or(0, |us| u64::from(us) * 1_000);
    let waited = waited.map_or_else(
        || String::from("The peer's FIN had been waiting"),
        |ns| {
            let before_write = words::Duration(ns.saturating_sub(age));
            format!("The peer's FIN had been waiting for {before_write}")
        },
    );
    let looked = match act.condition.fin_read {
        Some(true) => format!(", and {} had read it as end of file", words::owner(ending)),
        Some(false) => format!(", and {} had not looked", words::owner(ending)),
        None => String::new(),
    };
    format!(
        "{owner} wrote to {remote}, which had closed before, and got an RST for it. {waited}{looked}."
    )
}

/// How long nothing had been said.
pub(super) fn idle_text(ending: &Ending, act: &Act) -> String {
    let quiet = act.condition.timers.idle_ms.map_or(0, u64::from) * 1_000_000;
    format!(
        "The peer {} reset a connection of {} over which no data had been sent for {}; nothing \
         was under way.",
        ending.flow.remote,
        words::owner(ending),
        words::Duration(quiet)
    )
}

/// What `finrst explain refused` shows.
pub(super) const REFUSED_PAGE: Page = Page {
    title: "refused: the peer answered the SYN with an RST",
    happened: "\
A program called connect(2), the kernel sent a SYN, and an RST came back:
connect fails with ECONNREFUSED at once. As a rule nobody listens on that
address and port at the peer; a firewall that rejects with tcp-reset looks the
same, and so does a proxy in between that has no backend. A firewall that drops,
or a full accept queue, does not answer at all: that is connect_timeout.",
    confirm: &[
        Step {
            run: "ss -Htlnp 'sport = :PORT'",
            shows: "at the peer: the listeners on the port with address and process",
        },
        Step {
            run: "tcpdump -nvi any 'tcp port PORT and tcp[tcpflags] & (tcp-syn|tcp-rst) != 0'",
            shows: "[S] out, [R.] in; a TTL unlike the peer's means that something else answered",
        },
        Step {
            run: "nstat -az TcpAttemptFails",
            shows: "failed attempts; it grows by one for each",
        },
    ],
    fix: "\
Start the service or correct address and port; let clients retry with a pause
while it restarts. Compare the address it listens on: 127.0.0.1 and ::1 are not
reached from elsewhere, and localhost may be either.",
    source: &[
        "tcp_rcv_synsent_state_process, tcp_reset: net/ipv4/tcp_input.c",
        "RFC 9293, section 3.10.7.3",
    ],
};

/// What `finrst explain wrote_after_peer_close` shows.
pub(super) const WROTE_PAGE: Page = Page {
    title: "wrote_after_peer_close: a write to a peer that had closed",
    happened: "\
The peer's FIN had arrived, which a program sees as end of file when it reads.
It did not read, and wrote instead: typically a request on a pooled connection
that the server had closed as idle. The first write succeeds, because a half
closed connection may still carry data; the peer has nobody who could read it
and answers with an RST. The next call fails with EPIPE (and SIGPIPE) or
ECONNRESET. finrst tells how long the FIN had been there before the write.",
    confirm: &[
        Step {
            run: "ss -tanp state close-wait",
            shows: "pooled connections whose peer has closed, before somebody uses them",
        },
        Step {
            run: "tcpdump -ni any 'tcp port PORT'",
            shows: "[F.] in, later data out, and at once [R] in",
        },
        Step {
            run: "strace -f -yy -e trace=write,sendto,sendmsg,read,recvfrom -p PID",
            shows: "no read that returns 0 between the FIN and the write",
        },
    ],
    fix: "\
Keep idle connections for a shorter time than the peer does, watch pooled
sockets for end of file (poll for EPOLLRDHUP, or a read that does not block) and
drop them, and retry safe requests once on a new connection.",
    source: &[
        "tcp_fin, tcp_reset: net/ipv4/tcp_input.c; tcp_sendmsg: net/ipv4/tcp.c",
        "RFC 9293, sections 3.6.1 and 3.10.7.4",
    ],
};

/// What `finrst explain reset_while_idle` shows.
pub(super) const IDLE_PAGE: Page = Page {
    title: "reset_while_idle: an idle connection was reset",
    happened: "\
An RST arrived on an established connection over which no data had gone in
either direction for at least a second, and nothing of this side was under way
that it could answer. So it was the peer's own doing, or that of something in
between: an idle timeout that resets instead of closing, a process that was
killed with SO_LINGER zero, a proxy or load balancer that drops connections when
it is reconfigured, a firewall that cleans its table.",
    confirm: &[
        Step {
            run: "ss -tinp 'dport = :PORT'",
            shows: "lastsnd and lastrcv: milliseconds since data was sent and received",
        },
        Step {
            run: "tcpdump -nvi any 'tcp[tcpflags] & tcp-rst != 0 and port PORT'",
            shows: "the TTL of the RST against that of the peer's other segments",
        },
        Step {
            run: "nstat -az TcpEstabResets",
            shows: "connections reset out of ESTABLISHED or CLOSE_WAIT",
        },
    ],
    fix: "\
Find the shortest idle timeout on the way (peer, proxy, load balancer, NAT:
often 60, 350 or 900 seconds) and stay below it: expire pooled connections
earlier, or set SO_KEEPALIVE with TCP_KEEPIDLE below it.",
    source: &[
        "tcp_reset: net/ipv4/tcp_input.c",
        "RFC 9293, sections 3.5.3 and 3.8.4; RFC 5382, section 5",
    ],
};
