//! Joins the segments of a connection to the acts of its ending.

mod delay;
mod opening;

use super::{
    Correlator,
    peers::Life,
    wire::{OPENING_NS, Sighted},
};
use crate::model::{
    ending::{Act, Ending, How},
    flow::Flow,
    observation::{Segment, SegmentFlags},
    time::MonoNs,
    wire::{Sighting, WireSegment},
};

/// How long before its socket was seen first a segment may have come in, in nanoseconds: a device
/// sees it before the socket does.
const BEFORE_NS: u64 = 20_000_000;

/// How long after the last thing seen of a socket its segments may leave: a FIN that was delayed.
const AFTER_NS: u64 = 1_000_000_000;

impl Correlator {
    /// Gives an ending the segments it was made of, as far as they were seen.
    pub(super) fn join(&mut self, ending: &mut Ending) {
        let ends = |act: &Act| act.how != How::HeldOpen;
        if self.limits.answer_ns == 0 || !ending.acts.iter().any(ends) {
            return;
        }
        let span = self.span(ending);
        let (sent, received) = if ending.socket.is_some() {
            let answer = self.answering.get(&ending.flow).copied();
            // What answers for nobody is told with its own act, not with the connection before.
            let of_answer = |it: &Sighted| {
                let flags = it.sighting.headers.flags;
                let after = |(at, acks): (MonoNs, bool)| {
                    let since = it.sighting.may_be_since(at);
                    since && acks == flags.has(SegmentFlags::ACK)
                };
                flags.has(SegmentFlags::RST) && answer.is_some_and(after)
            };
            let opening = opening::was_tried(ending);
            let sent = self.wire.claim(&ending.flow, true, span, |it| {
                !of_answer(it) && it.may_be_of(ending.socket) && (opening || !it.opens())
            });
            let received = &ending.flow.reversed();
            let received = self
                .wire
                .claim(received, false, span, |it| opening || !it.opens());
            (sent, received)
        } else {
            self.claim_of_answer(ending, span)
        };
        self.introduce_afar(ending, (&sent, &received));
        let mut segments = merge(&sent, true);
        segments.extend(merge(&received, false));
        for act in &ending.acts {
            give_time(&mut segments, act);
        }
        for segment in &mut segments {
            segment.counted_from = delay::counted_from(ending, segment);
        }
        segments.sort_by_key(|it| it.sightings.first().map(|sighting| sighting.at));
        ending.segments = Some(segments);
    }

    /// An answer for nobody is its RST and the segment that provoked it, and where that was to complete
    /// a handshake, the rest of that; what else has the tuple is of the connection that had it before.
    fn claim_of_answer(
        &mut self,
        ending: &Ending,
        (from, to): (MonoNs, MonoNs),
    ) -> (Vec<Sighted>, Vec<Sighted>) {
        let act = ending.acts.first();
        let handshake = opening::completed_by(act);
        let earliest = handshake.map_or(from, |_| from.before(OPENING_NS));
        let sent = self.wire.claim(&ending.flow, true, (earliest, to), |it| {
            let seq = act.and_then(|act| act.seq);
            let headers = &it.sighting.headers;
            let is_answer = headers.flags.has(SegmentFlags::RST)
                && it.sighting.may_be_since(ending.first_seen)
                && seq.is_none_or(|seq| seq == headers.seq);
            is_answer || handshake.is_some_and(|it_is| it_is.agreed(it))
        });
        let provoker = act.and_then(|act| act.provoked_by);
        let received = &ending.flow.reversed();
        let received = self.wire.claim(received, false, (earliest, to), |it| {
            let same = |provoker: Segment| {
                provoker.seq == it.sighting.headers.seq
                    && provoker.flags == it.sighting.headers.flags
            };
            let is_provoker = it.sighting.at >= from && provoker.is_some_and(same);
            is_provoker || handshake.is_some_and(|it_is| it_is.asked(it))
        });
        (sent, received)
    }

    /// Finds the other end of the connection in another namespace, or behind a translation: what is
    /// one segment on both ways is of one connection.
    fn introduce_afar(&mut self, ending: &mut Ending, (sent, received): (&[Sighted], &[Sighted])) {
        if ending.peer.is_some() {
            return;
        }
        let one = Life {
            id: ending.id(),
            ended: ending.destroyed,
        };
        let mut asked: Vec<Flow> = vec![ending.flow, ending.flow.reversed()];
        let sent = sent.iter().map(|it| (it, true));
        for (it, sent) in sent.chain(received.iter().map(|it| (it, false))) {
            let netns = it.sighting.netns;
            let seen = (it.sighting.headers.source, it.sighting.headers.destination);
            let names = [Some(seen), self.wire.translated.within(netns, seen)];
            for (source, destination) in names.into_iter().flatten() {
                let (local, remote) = if sent {
                    (destination, source)
                } else {
                    (source, destination)
                };
                let flow = Flow {
                    local,
                    remote,
                    netns,
                };
                if asked.contains(&flow) {
                    continue;
                }
                asked.push(flow);
                ending.peer = self.introduce_to(one, &flow);
                if ending.peer.is_some() {
                    return;
                }
            }
        }
    }

    /// From when to when segments of an ending's flow are its own: until the next socket with it.
    fn span(&mut self, ending: &Ending) -> (MonoNs, MonoNs) {
        let reach = self.limits.reach_ns;
        let after = if ending.destroyed.is_some() {
            self.limits.grace_ns
        } else {
            AFTER_NS
        };
        let next = self.sockets.of_flow(&ending.flow);
        let next = next.and_then(|address| self.sockets.at(address));
        let next =
            next.filter(|it| Some(it.id) != ending.socket && it.first_seen > ending.first_seen);
        let until = ending.last_seen().after(after).after(reach);
        let next = next.map(|it| it.first_seen);
        let waiting = self.waiting.next(&ending.flow, ending.first_seen);
        let next = next.into_iter().chain(waiting).min();
        let until = next.map_or(until, |it| until.min(it.before(1)));
        (ending.first_seen.before(BEFORE_NS).before(reach), until)
    }
}

/// One segment for all sightings of the same bytes: copies on other devices are sightings, a second
/// one in the place it was seen first is a retransmission.
fn merge(sightings: &[Sighted], sent: bool) -> Vec<WireSegment> {
    let mut segments: Vec<WireSegment> = Vec::new();
    let mut numbers = Vec::new();
    for sighted in sightings {
        let sighting = &sighted.sighting;
        let headers = &sighting.headers;
        let number = sighted.number();
        let known = numbers.iter().position(|it| *it == number);
        let Some(known) = known.and_then(|place| segments.get_mut(place)) else {
            numbers.push(number);
            segments.push(WireSegment {
                sent,
                flags: headers.flags,
                seq: headers.seq,
                ack: headers.ack,
                payload_bytes: headers.payload_bytes,
                kernel: None,
                counted_from: None,
                sightings: vec![*sighting],
                retransmits: 0,
                again: Vec::new(),
            });
            continue;
        };
        let place = |it: &Sighting| (it.netns, it.device, it.direction, it.tuple);
        let first = known.sightings.first().map(place);
        if known
            .sightings
            .iter()
            .any(|it| place(it) == place(sighting))
        {
            known.retransmits += u32::from(first == Some(place(sighting)));
            known.again.push(*sighting);
        } else {
            known.sightings.push(*sighting);
        }
    }
    segments
}

/// Gives the segment an act is about the time of the act.
fn give_time(segments: &mut [WireSegment], act: &Act) {
    let (sent, flag) = match act.how {
        How::FinSent => (true, SegmentFlags::FIN),
        How::FinReceived => (false, SegmentFlags::FIN),
        How::RstSent => (true, SegmentFlags::RST),
        How::RstReceived => (false, SegmentFlags::RST),
        How::Timeout | How::Destroyed | How::HeldOpen => return,
    };
    let fits = |it: &&mut WireSegment| {
        it.kernel.is_none() && it.sent == sent && it.flags.has(flag) && numbered(it, act)
    };
    let distance = |it: &WireSegment| {
        let first = it.sightings.first().map_or(MonoNs(0), |it| it.at);
        first.since(act.at).max(act.at.since(first))
    };
    let nearest = segments
        .iter_mut()
        .filter(fits)
        .min_by_key(|it| distance(it));
    if let Some(segment) = nearest {
        segment.kernel = Some(act.at);
    }
    give_provoker(segments, act);
}

/// The segment that an RST of ours answered was taken in when the RST was sent.
fn give_provoker(segments: &mut [WireSegment], act: &Act) {
    let Some(provoker) = act.provoked_by.filter(|_| act.how == How::RstSent) else {
        return;
    };
    let is_it = |it: &&mut WireSegment| {
        let same = it.seq == provoker.seq && it.flags == provoker.flags;
        !it.sent && it.kernel.is_none() && same
    };
    if let Some(segment) = segments.iter_mut().find(is_it) {
        segment.kernel = Some(act.at);
    }
}

/// Whether the sequence number an act knows is the segment's.
fn numbered(segment: &WireSegment, act: &Act) -> bool {
    let Some(seq) = act.seq else { return true };
    let own = if act.how == How::FinSent {
        segment.seq.wrapping_add(segment.payload_bytes)
    } else {
        segment.seq
    };
    own == seq
}
