//! Joins the segments of a connection to the acts of its ending.

use super::{Correlator, wire::Sighted};
use crate::model::{
    ending::{Act, Ending, How},
    observation::SegmentFlags,
    time::MonoNs,
    wire::WireSegment,
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
        let cookie = ending.socket.and_then(|id| id.cookie);
        let sent = self.wire.claim(&ending.flow, true, cookie, span);
        let received = self
            .wire
            .claim(&ending.flow.reversed(), false, cookie, span);
        let mut segments = merge(&sent, true);
        segments.extend(merge(&received, false));
        for act in &ending.acts {
            give_time(&mut segments, act);
        }
        segments.sort_by_key(|it| it.sightings.first().map(|sighting| sighting.at));
        ending.segments = Some(segments);
    }

    /// From when to when segments of an ending's flow are its own: until the next socket with it.
    fn span(&mut self, ending: &Ending) -> (MonoNs, MonoNs) {
        let after = if ending.destroyed.is_some() {
            self.limits.grace_ns
        } else {
            AFTER_NS
        };
        let next = self.peers.at(&ending.flow);
        let next = next.and_then(|address| self.sockets.at(address));
        let next =
            next.filter(|it| Some(it.id) != ending.socket && it.first_seen > ending.first_seen);
        let until = ending.last_seen().after(after);
        let until = next.map_or(until, |it| until.min(it.first_seen.before(1)));
        (ending.first_seen.before(BEFORE_NS), until)
    }
}

/// One segment for all sightings of the same bytes: copies on other devices are sightings, a second
/// one on the device and the way it was seen first is a retransmission.
fn merge(sightings: &[Sighted], sent: bool) -> Vec<WireSegment> {
    let mut segments: Vec<WireSegment> = Vec::new();
    for Sighted {
        headers, sighting, ..
    } in sightings
    {
        let same = |it: &&mut WireSegment| {
            let fin = headers.flags.has(SegmentFlags::FIN) && it.flags.has(SegmentFlags::FIN);
            let end = |seq: u32, bytes: u32| seq.wrapping_add(bytes);
            let last = end(headers.seq, headers.payload_bytes) == end(it.seq, it.payload_bytes);
            // A FIN sent again may carry more of the data before it, or less.
            (fin && last) || (it.flags == headers.flags && it.seq == headers.seq)
        };
        let Some(known) = segments.iter_mut().find(same) else {
            segments.push(WireSegment {
                sent,
                flags: headers.flags,
                seq: headers.seq,
                ack: headers.ack,
                payload_bytes: headers.payload_bytes,
                kernel: None,
                sightings: vec![*sighting],
                retransmits: 0,
            });
            continue;
        };
        let place = |it: &crate::model::wire::Sighting| (it.device, it.direction);
        let first = known.sightings.first().map(place);
        if known
            .sightings
            .iter()
            .any(|it| place(it) == place(sighting))
        {
            known.retransmits += u32::from(first == Some(place(sighting)));
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
