//! `unreachable`, `orphaned` and `md5_or_ao`: silent endings with more behind them.

use super::{
    page::{Page, Step},
    words,
};
use crate::model::ending::{Act, Ending, How};

/// Advice for an address the network refuses.
pub(super) const UNREACHABLE_ADVICE: &str = "The error in the evidence names what is missing: a \
    route, a neighbour, or leave of a firewall that says so.";

/// Advice for a FIN nobody acknowledged.
pub(super) const ORPHANED_ADVICE: &str = "What the program wrote last may not have arrived: a \
    program that must know waits for the peer's end of file before it closes.";

/// Advice for keys that do not match.
pub(super) const SIGNED_ADVICE: &str = "Compare the keys of both ends: a segment with a missing or \
    wrong signature is dropped without an answer.";

/// What the network said.
pub(super) fn unreachable_text(ending: &Ending, act: &Act) -> String {
    let error = act
        .condition
        .err
        .map_or_else(|| String::from("an error"), words::error);
    format!(
        "The network told that {} cannot be reached: the attempt of {} to connect ended with \
         {error}.",
        ending.flow.remote,
        words::owner(ending)
    )
}

/// Who had closed, and what was not acknowledged.
pub(super) fn orphaned_text(ending: &Ending, act: &Act) -> String {
    let fin = ending.acts.iter().find(|it| it.how == How::FinSent);
    let closed = fin.map_or_else(String::new, |fin| {
        format!(
            " {} after it was closed",
            words::Duration(act.at.since(fin.at))
        )
    });
    let fin = u32::from(fin.is_some());
    let data = act.condition.unacked.unwrap_or(0).saturating_sub(fin);
    let what = if data > 0 {
        format!("{} and its FIN", words::bytes(data))
    } else {
        String::from("its FIN")
    };
    format!(
        "{} had closed the connection to {}, and the peer did not acknowledge {what}; the kernel \
         gave it up{closed} and sent nothing more.",
        words::owner_first(ending),
        ending.flow.remote
    )
}

/// Who tried to connect with a key.
pub(super) fn signed_text(ending: &Ending, _: &Act) -> String {
    format!(
        "The peer {} answered none of the SYNs of {}, which are signed (TCP-MD5 or TCP-AO): most \
         likely its key is another, or it has none.",
        ending.flow.remote,
        words::owner(ending)
    )
}

/// What `finrst explain unreachable` shows.
pub(super) const UNREACHABLE_PAGE: Page = Page {
    title: "unreachable: the network said that there is no way",
    happened: "\
While a program was connecting, an ICMP message came that the peer's host, net
or port cannot be reached, from a router, from the peer, or from this very host
when the neighbour did not answer ARP or neighbour discovery. In SYN_SENT the
kernel takes that as final: connect(2) fails with EHOSTUNREACH, ENETUNREACH or
the like. On an established connection such messages are only remembered, and
become the error if retransmissions run out.",
    confirm: &[
        Step {
            run: "tcpdump -ni any 'icmp[icmptype] == icmp-unreach or icmp6[icmp6type] == 1'",
            shows: "the message, with who sent it and the segment it is about",
        },
        Step {
            run: "ip neigh show ADDRESS",
            shows: "FAILED or INCOMPLETE: nobody answers for the address on this link",
        },
        Step {
            run: "ip route get ADDRESS",
            shows: "the route, or that there is none",
        },
    ],
    fix: "\
EHOSTUNREACH after three seconds is a neighbour that does not answer: the host
is off, or the netmask is wrong. ENETUNREACH at once is a missing route. A
message of type \"administratively prohibited\" is a firewall.",
    source: &[
        "tcp_v4_err: net/ipv4/tcp_ipv4.c; tcp_v6_err: net/ipv6/tcp_ipv6.c",
        "RFC 1122, section 4.2.3.9; RFC 5461",
    ],
};

/// What `finrst explain orphaned` shows.
pub(super) const ORPHANED_PAGE: Page = Page {
    title: "orphaned: a closed socket was given up",
    happened: "\
The program had closed the socket and was done with it; the kernel went on alone
to deliver what was queued and the FIN. The peer acknowledged nothing any more.
For a socket without a process the kernel is less patient:
net.ipv4.tcp_orphan_retries (8 when it is 0), fewer while the peer seems dead.
Then it forgot the connection. No RST leaves, and nobody is told: the program
has long been gone. Data it wrote last may be lost.",
    confirm: &[
        Step {
            run: "ss -tano state fin-wait-1 state last-ack state closing",
            shows: "orphans with Send-Q above zero and timer:(on,TIME,N)",
        },
        Step {
            run: "nstat -az TcpExtTCPAbortOnTimeout",
            shows: "connections given up by a timer",
        },
        Step {
            run: "sysctl net.ipv4.tcp_orphan_retries",
            shows: "how often an orphan tries again; 0 stands for 8",
        },
    ],
    fix: "\
Nothing, where the peer was gone anyway. A program that must know whether its
data arrived shuts its sending side, reads to end of file, and only then closes;
SO_LINGER with a time makes close wait, but does not say how it went.",
    source: &[
        "tcp_write_timeout, tcp_orphan_retries: net/ipv4/tcp_timer.c",
        "RFC 9293, section 3.8.3; RFC 1122, section 4.2.3.5",
    ],
};

/// What `finrst explain md5_or_ao` shows.
pub(super) const SIGNED_PAGE: Page = Page {
    title: "md5_or_ao: nobody answers signed segments",
    happened: "\
The socket had keys of TCP-MD5 or TCP-AO, as routers use for BGP, and none of
its SYNs was answered. A segment with a missing, unexpected or wrong signature
is dropped without an answer, and no RST leaves for it either: a peer with
another key looks as if it were not there. So this is a guess by the silence and
the key, and marked likely; a peer that is really gone looks the same.",
    confirm: &[
        Step {
            run: "nstat -az TcpExtTCPMD5NotFound TcpExtTCPMD5Unexpected TcpExtTCPMD5Failure",
            shows: "at the peer: segments dropped for a missing, an unneeded or a wrong signature",
        },
        Step {
            run: "tcpdump -ni any -M KEY 'tcp port PORT'",
            shows: "md5 valid or invalid for each segment, given the key",
        },
        Step {
            run: "dmesg --ctime | grep -i 'TCP: MD5'",
            shows: "at the peer: which addresses send what, where the log level allows",
        },
    ],
    fix: "\
Set the same key for the right address and prefix at both ends; a key is looked
up by the peer's address, so a NAT between, or another source address than
expected, breaks it. After a change of keys restart the session at both ends.",
    source: &[
        "tcp_inbound_hash, tcp_inbound_md5_hash: net/ipv4/tcp.c and tcp_ipv4.c",
        "RFC 2385; RFC 5925, section 7.3",
    ],
};
