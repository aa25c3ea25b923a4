//! `netfilter_reject`: an RST came that no part of TCP had sent.

use super::{
    page::{Page, Step},
    words,
};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How, NotByTcp},
    explained::Evidence,
    process::Confidence,
    state::TcpState,
};

/// Advice for an RST by a firewall.
pub(super) const ADVICE: &str = "Look for a rule that rejects with tcp-reset on this machine; a \
    program that writes raw packets looks the same.";

/// An RST came from this machine, and no hook saw TCP send it: `nf_send_reset`
/// (`net/ipv4/netfilter/nf_reject_ipv4.c`) makes it without a socket.
///
/// Never exact: a raw socket or another stack on this machine can do the same.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let decisive = ending.decisive().is_some_and(|it| it.at == act.at);
    (act.how == How::RstReceived && decisive && ending.not_by_tcp.is_some())
        .then_some((Cause::NetfilterReject, Confidence::Likely))
}

/// Whose connection, and how it is known that the peer's TCP had no part in it.
pub(super) fn text(ending: &Ending, act: &Act) -> String {
    let (remote, owner) = (ending.flow.remote, words::owner(ending));
    let what = if act.state == Some(TcpState::SynSent) {
        format!("An RST refused the connection that {owner} tried to open to {remote}")
    } else {
        format!("An RST in the name of {remote} ended the connection of {owner}")
    };
    let known = match ending.not_by_tcp {
        Some(NotByTcp::LeftHere { netns: Some(netns) }) => {
            format!("It was made on this machine, where it left network namespace {netns}")
        }
        Some(NotByTcp::LeftHere { netns: None }) => String::from("It was made on this machine"),
        Some(NotByTcp::PeerLives) | None => {
            String::from("The socket of that end is on this machine and still open")
        }
    };
    format!(
        "{what}. {known}, and the kernel's TCP did not send it: most likely a rule of the firewall \
         rejects with tcp-reset."
    )
}

/// What supports it.
pub(super) fn evidence(ending: &Ending, facts: &mut Evidence) {
    let Some(known) = ending.not_by_tcp else {
        return;
    };
    facts.add("rst_sent_by_tcp", "no");
    match known {
        NotByTcp::LeftHere { netns: Some(netns) } => facts.add("rst_left_netns", netns),
        NotByTcp::LeftHere { netns: None } => facts.add("rst_left", "here"),
        NotByTcp::PeerLives => facts.add("peer_socket", "open"),
    }
}

/// What `finrst explain netfilter_reject` shows.
pub(super) const PAGE: Page = Page {
    title: "netfilter_reject: an RST that TCP did not send",
    happened: "\
An RST ended a connection or refused it, it was made on this machine, and no
part of the kernel's TCP had sent one. A rule of nftables or iptables that
rejects with tcp-reset makes it by itself, out of the segment it met, in the
name of the address that segment was for; no socket takes part, and no process.
A program with a raw or packet socket, and a TCP stack of its own (gVisor,
slirp), can send RSTs as well: so the verdict is only likely.

It is told at the end that got the RST, where finrst saw it leave a device of
this machine (--wire, on all devices), or where the other end's socket is open
in the same network namespace. Both need every RST of the kernel's to be seen:
a filter other than --netns, lost records, and tracepoints alone before 6.10
leave it at peer_reset or refused; there it cannot be told. Whatever the
receiver is, the RST itself is a segment of no socket: --wire with -v shows it
as sent_by_no_socket, also where it went to another host.",
    confirm: &[
        Step {
            run: "nft list ruleset | grep -B3 'reject with tcp reset'",
            shows: "the rules of nftables that reset; add a counter to see which one",
        },
        Step {
            run: "iptables-save -c | grep tcp-reset",
            shows: "the same of iptables, with counts",
        },
        Step {
            run: "bpftrace -e 'kprobe:nf_send_reset,kprobe:nf_send_reset6 { @[probe] = count(); }'",
            shows: "RSTs made by netfilter (the module nf_reject_ipv4 must be loaded)",
        },
    ],
    fix: "\
If the rule is meant, nothing: the peer gets ECONNREFUSED at once, which is
kinder than dropping. If not, see what generates the rules (firewalld, ufw,
fail2ban, kube-proxy for services without endpoints).",
    source: &[
        "nf_send_reset: net/ipv4/netfilter/nf_reject_ipv4.c",
        "nft(8), reject statement; RFC 9293, section 3.5.2",
    ],
};

#[cfg(test)]
mod tests {
    use proptest::{
        strategy::{Strategy as _, ValueTree as _},
        test_runner::TestRunner,
    };

    use super::*;
    use crate::tests::arbitrary;

    /// A connection ended by an RST that came.
    fn reset(not_by_tcp: Option<NotByTcp>) -> Ending {
        let mut runner = TestRunner::deterministic();
        let ending = arbitrary::ending().new_tree(&mut runner).unwrap().current();
        let mut act = ending.acts[0].clone();
        act.how = How::RstReceived;
        act.state = Some(TcpState::Established);
        Ending {
            acts: vec![act],
            not_by_tcp,
            ..ending
        }
    }

    #[test]
    fn an_rst_that_left_here_and_that_tcp_did_not_send_is_likely_the_firewalls() {
        let ending = reset(Some(NotByTcp::LeftHere { netns: Some(7) }));
        let verdict = rule(&ending, &ending.acts[0]);
        assert_eq!(verdict, Some((Cause::NetfilterReject, Confidence::Likely)));
        let text = text(&ending, &ending.acts[0]);
        assert!(text.contains("left network namespace 7"), "{text}");
        let mut facts = Evidence::default();
        evidence(&ending, &mut facts);
        let facts: Vec<_> = facts.iter().collect();
        assert_eq!(facts, ["rst_sent_by_tcp=no", "rst_left_netns=7"]);
    }

    #[test]
    fn an_rst_of_which_that_is_not_known_is_not() {
        let mut ending = reset(None);
        assert_eq!(rule(&ending, &ending.acts[0]), None);
        let mut facts = Evidence::default();
        evidence(&ending, &mut facts);
        assert_eq!(facts, Evidence::default());
        ending.not_by_tcp = Some(NotByTcp::PeerLives);
        ending.acts[0].how = How::FinReceived;
        assert_eq!(rule(&ending, &ending.acts[0]), None);
    }
}
