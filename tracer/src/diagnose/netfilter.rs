//! `netfilter_reject`: an RST left that no part of TCP had sent.

use super::page::{Page, Step};
use crate::model::{
    cause::Cause,
    ending::{Act, Ending, How},
    process::{Actor, Confidence},
};

/// Advice for an RST by a firewall.
pub(super) const ADVICE: &str = "Look for a rule that rejects with tcp-reset on this machine; a \
    program that writes raw packets looks the same.";

/// A capture saw an RST leave, and TCP's own hooks none: `nf_send_reset`
/// (`net/ipv4/netfilter/nf_reject_ipv4.c`) makes it without a socket.
///
/// Never exact: a raw socket or another stack on this machine can do the same.
pub(super) fn rule(ending: &Ending, act: &Act) -> Option<(Cause, Confidence)> {
    let unseen = act.actor == Actor::Unknown && act.state.is_none() && act.provoked_by.is_none();
    let nobody = ending.socket.is_none() && act.reason.is_none();
    let sighted = ending.segments.iter().flatten().any(|it| it.sent);
    (act.how == How::RstSent && unseen && nobody && sighted)
        .then_some((Cause::NetfilterReject, Confidence::Likely))
}

/// Between whom.
pub(super) fn text(ending: &Ending, _: &Act) -> String {
    format!(
        "An RST left this machine in the name of {} for {}, and the kernel's TCP did not send it: \
         most likely a rule of the firewall rejects with tcp-reset.",
        ending.flow.local, ending.flow.remote
    )
}

/// What `finrst explain netfilter_reject` shows.
pub(super) const PAGE: Page = Page {
    title: "netfilter_reject: an RST that TCP did not send",
    happened: "\
A capture saw an RST leave this machine, and no part of the kernel's TCP had
sent one. A rule of nftables or iptables that rejects with tcp-reset makes it by
itself, out of the segment it met, in the name of the address that segment was
for; no socket takes part, and no process. A program with a raw or packet
socket, and a TCP stack of its own (gVisor, slirp), can send RSTs as well: so
the verdict is only likely. Without --wire such RSTs are not seen at this end.",
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
    use crate::{model::wire::WireSegment, tests::arbitrary};

    /// An RST that only a capture saw.
    fn sighted() -> Ending {
        let mut runner = TestRunner::deterministic();
        let ending = arbitrary::ending().new_tree(&mut runner).unwrap().current();
        let mut act = ending.acts[0].clone();
        act.how = How::RstSent;
        act.actor = Actor::Unknown;
        (act.state, act.reason, act.provoked_by) = (None, None, None);
        let segment = WireSegment {
            sent: true,
            flags: crate::model::observation::SegmentFlags(4),
            seq: 1,
            ack: 0,
            payload_bytes: 0,
            kernel: None,
            counted_from: None,
            sightings: Vec::new(),
            retransmits: 0,
            again: Vec::new(),
        };
        Ending {
            socket: None,
            acts: vec![act],
            segments: Some(vec![segment]),
            ..ending
        }
    }

    #[test]
    fn an_rst_only_a_capture_saw_is_likely_the_firewalls() {
        let ending = sighted();
        let verdict = rule(&ending, &ending.acts[0]);
        assert_eq!(verdict, Some((Cause::NetfilterReject, Confidence::Likely)));
    }

    #[test]
    fn an_rst_a_hook_saw_is_not() {
        let mut ending = sighted();
        ending.acts[0].actor = Actor::Softirq;
        assert_eq!(rule(&ending, &ending.acts[0]), None);
        let mut ending = sighted();
        ending.segments = None;
        assert_eq!(rule(&ending, &ending.acts[0]), None);
    }
}
