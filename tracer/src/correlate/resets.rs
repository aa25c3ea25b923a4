//! Which RSTs TCP sent here, to know of one that came whether it can have been TCP's.

use hashlink::LinkedHashMap;

use super::Correlator;
use crate::model::{
    ending::{Act, Ending, How, NotByTcp},
    flow::Flow,
    observation::SegmentFlags,
    segment::{Device, Direction, Seen},
    state::TcpState,
    stray::Tuple,
    time::MonoNs,
    wire::{Sighting, WireSegment},
};

/// How long before it was seen on a device an RST may have been sent, in nanoseconds: queues of
/// devices hold packets back.
const BEFORE_NS: u64 = 5_000_000_000;

/// How long after, in nanoseconds: some hooks run when it has left.
const AFTER_NS: u64 = 20_000_000;

/// RSTs remembered at most, of those sent and of those that came in.
const LIMIT: usize = 65_536;

/// An RST by what no translation changes: its namespace, sequence and acknowledgement number.
type Number = (Option<u32>, u32, u32);

/// The RSTs of late.
#[derive(Debug, Default)]
pub(super) struct Resets {
    /// Those TCP sent: when the last of a flow was.
    sent: LinkedHashMap<Flow, MonoNs>,
    /// Those that came in by a device, under which tuple.
    came: LinkedHashMap<Number, (Tuple, MonoNs)>,
    /// Up to when there may have been others.
    forgotten: Option<MonoNs>,
}

impl Resets {
    /// Whether all since then are remembered.
    fn remembers(&self, since: MonoNs) -> bool {
        self.forgotten.is_none_or(|until| until < since)
    }

    /// Whether TCP may have sent the RST of a flow that was seen at this time.
    fn may_have_sent(&self, flow: &Flow, at: MonoNs) -> bool {
        let near = |&sent: &MonoNs| at.before(BEFORE_NS) <= sent && sent <= at.after(AFTER_NS);
        self.sent.get(flow).is_some_and(near)
    }
}

/// Puts the youngest entry of a table in its place; says what gave way to it, if that is remembered
/// for a reason yet.
fn put<K: std::hash::Hash + Eq, V>(
    table: &mut LinkedHashMap<K, V>,
    (key, value): (K, V),
    at: impl Fn(&V) -> MonoNs,
) -> Option<MonoNs> {
    let now = at(&value);
    table.remove(&key);
    table.insert(key, value);
    let mut forgotten = None;
    while let Some((_, oldest)) = table.front() {
        let old = now.since(at(oldest)) > 2 * BEFORE_NS;
        if !old && table.len() <= LIMIT {
            break;
        }
        forgotten = Some(at(oldest)).filter(|_| !old).or(forgotten);
        table.pop_front();
    }
    forgotten
}

impl Correlator {
    /// A hook saw TCP send an RST.
    pub(super) fn reset_left(&mut self, flow: Flow, at: MonoNs) {
        if !self.limits.every_reset {
            return;
        }
        let forgotten = put(&mut self.resets.sent, (flow, at), |at| *at);
        self.resets.forgotten = self.resets.forgotten.max(forgotten);
    }

    /// A capture saw a segment; an RST that comes in was not made here, whatever it is made into.
    pub(super) fn reset_came(&mut self, at: MonoNs, netns: Option<u32>, seen: &Seen) {
        let headers = &seen.headers;
        let came = headers.flags.has(SegmentFlags::RST) && seen.direction == Direction::Received;
        if !came || !self.limits.every_reset {
            return;
        }
        let number = (netns, headers.seq, headers.ack);
        let tuple = (headers.source, headers.destination);
        let forgotten = put(&mut self.resets.came, (number, (tuple, at)), |it| it.1);
        self.resets.forgotten = self.resets.forgotten.max(forgotten);
    }

    /// How it is known that TCP did not send the RST that ended a connection.
    ///
    /// Only where hooks see every RST that TCP sends: then one that nothing was seen to send was made
    /// by something else (`nf_send_reset`, `net/ipv4/netfilter/nf_reject_ipv4.c`; a raw socket).
    pub(super) fn not_by_tcp(&mut self, ending: &Ending) -> Option<NotByTcp> {
        let act = ending.decisive()?;
        let since = act.at.before(BEFORE_NS);
        let sure = self.limits.every_reset && self.resets.remembers(since) && !self.loses(act.at);
        if !sure || act.how != How::RstReceived || !is_seen(act) {
            return None;
        }
        let own = |it: &&WireSegment| {
            !it.sent && it.flags.has(SegmentFlags::RST) && it.kernel == Some(act.at)
        };
        let segment = ending.segments.iter().flatten().find(own);
        match segment {
            Some(segment) => self.left_unsent(segment, ending.flow),
            None => self.peer_lives(&ending.flow, act.at),
        }
    }

    /// Whether an RST left a device here, and TCP had sent none under any name of it.
    fn left_unsent(&self, segment: &WireSegment, receiver: Flow) -> Option<NotByTcp> {
        let first = segment.sightings.first()?;
        let is_live = |it: &Sighting| matches!(it.device, Device::Index(_));
        let sent = self.resets.may_have_sent(&receiver.reversed(), first.at);
        let made_here = first.direction == Direction::Transmitted
            && segment.sightings.iter().all(is_live)
            && !segment.sightings.iter().any(|it| self.was_sent(it));
        (made_here && !sent).then_some(NotByTcp::LeftHere { netns: first.netns })
    }

    /// Whether TCP sent what was seen, or it came in under another tuple and only passed through.
    fn was_sent(&self, sighting: &Sighting) -> bool {
        let netns = sighting.netns;
        let headers = &sighting.headers;
        let own = (headers.source, headers.destination);
        let names = [Some(own), self.wire.translated.within(netns, own)];
        let by_tcp = names.into_iter().flatten().any(|(local, remote)| {
            let flow = Flow {
                local,
                remote,
                netns,
            };
            self.resets.may_have_sent(&flow, sighting.at)
        });
        let came = self.resets.came.get(&(netns, headers.seq, headers.ack));
        by_tcp || came.is_some_and(|(tuple, _)| *tuple != own)
    }

    /// Whether the other end is in the same namespace, is not closed, and has sent no RST.
    fn peer_lives(&mut self, flow: &Flow, at: MonoNs) -> Option<NotByTcp> {
        let peer = flow.reversed();
        if self.resets.may_have_sent(&peer, at) {
            return None;
        }
        let address = self.sockets.of_flow(&peer)?;
        let tracked = self.sockets.at(address)?;
        let open = matches!(
            tracked.state,
            Some(TcpState::Established | TcpState::CloseWait)
        );
        let lives = open && tracked.closed.is_none() && !tracked.is_destroyed();
        lives.then_some(NotByTcp::PeerLives)
    }
}

/// Whether a hook saw `tcp_reset`: the error alone may have come by ICMP.
fn is_seen(act: &Act) -> bool {
    act.condition.err.is_none_or(|err| err == 0)
}
