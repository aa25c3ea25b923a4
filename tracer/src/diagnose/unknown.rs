//! `unknown`: the facts fit no rule; they are told without a verdict.

use super::{
    address::address,
    page::{Page, Step},
    words,
};
use crate::model::ending::{Act, Ending, How};

/// Advice where no rule speaks.
pub(super) const ADVICE: &str = "The evidence lists every fact that was read; finrst explain \
    unknown says how to look further.";

/// What is known, and no more.
pub(super) fn text(ending: &Ending, act: &Act) -> String {
    let remote = address(ending.flow.remote);
    let state = act
        .state
        .map_or_else(String::new, |state| format!(" in {}", state.name()));
    match act.how {
        How::Timeout => {
            let error = act.condition.err.map_or_else(String::new, |err| {
                format!(" with error {}", words::error(err))
            });
            format!(
                "The kernel gave the connection to {remote} up{state}{error}; neither a FIN nor \
                 an RST ended it."
            )
        }
        How::Destroyed => {
            format!("The socket to {remote} went away{state}, and no FIN or RST was seen.")
        }
        How::RstSent => {
            let reason = act
                .reason
                .as_ref()
                .filter(|reason| reason.says_something())
                .and_then(|reason| reason.name.as_deref())
                .map_or_else(
                    || String::from("the kernel gives no reason"),
                    |name| format!("the kernel's reason is {name}"),
                );
            match act.provoked_by {
                Some(segment) => format!(
                    "The kernel answered a segment from {remote} (flags {}, seq {}){state} with an \
                     RST; {reason}.",
                    segment.flags, segment.seq
                ),
                None => format!(
                    "The kernel sent an RST to {remote}{state} on behalf of {}; {reason}.",
                    words::who(ending, act)
                ),
            }
        }
        How::FinSent => format!(
            "The kernel queued a FIN to {remote}{state}, and what made it do so was not seen."
        ),
        How::HeldOpen => format!("A descriptor of the connection to {remote} was closed{state}."),
        How::FinReceived | How::RstReceived => {
            format!("A segment from {remote} ended the connection{state}.")
        }
    }
}

/// What `finrst explain unknown` shows.
pub(super) const PAGE: Page = Page {
    title: "unknown: the facts fit no rule",
    happened: "\
finrst saw the connection end and no rule of its catalogue covers what it saw,
or a fact that would decide was not to be read on this kernel. It does not
guess. What is left: sockets whose namespace was taken down under them, ends of
which a record was lost, and RSTs of kernels that give no reason where the
socket's fields fit more than one path.",
    confirm: &[
        Step {
            run: "nstat -az 'TcpExtTCPAbort*' TcpExtTCPTimeouts TcpOutRsts",
            shows: "which of the kernel's own counters grows with these endings",
        },
        Step {
            run: "bpftrace -e 'tracepoint:tcp:tcp_send_reset { @[comm, kstack(8)] = count(); }'",
            shows: "the kernel paths that send an RST; in softirq comm is a bystander",
        },
        Step {
            run: "tcpdump -ni any -w /tmp/endings.pcap 'tcp[tcpflags] & (tcp-fin|tcp-rst|tcp-syn) != 0'",
            shows: "the segments that end connections (IPv4 only), to be read in their order",
        },
    ],
    fix: "\
Run finrst check: a missing hook takes facts away. The kernel's own reason,
where there is one, is in the evidence.",
    source: &[
        "tcp_send_active_reset: net/ipv4/tcp_output.c; tcp_write_err: net/ipv4/tcp_timer.c",
        "RFC 9293, section 3.5.2",
    ],
};
