//! What a recording knows of segments: told to its end once, for nobody to read.

use std::{
    collections::HashMap,
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    align::{Bound, Ends, Mark, Sign},
    app::{
        progress::Progress,
        replay::{self, Opened},
        view,
    },
    exit::Failure,
    model::{
        ending::{Act, Ending, How},
        flow::Flow,
        observation::{Segment, SegmentFlags},
        time::MonoNs,
        wire::WireSegment,
    },
    record::Settings,
    render::{Explained, Render},
    replay::Recorded,
};

/// Marks and flows kept at the most: some 300 MB. What comes later is joined all the same, by
/// clocks that the earlier ones align.
const LIMIT: usize = 1_000_000;

/// What a recording knows.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Its FINs and RSTs, as far as they can be known again.
    pub(super) marks: Vec<Mark>,
    /// Acts that have marks.
    pub(super) acts: u64,
    /// The network namespaces of every flow, seen from its socket.
    flows: HashMap<Ends, Vec<Option<u32>>>,
    /// When the first and the last ending were under way.
    pub(super) span: Option<(MonoNs, MonoNs)>,
}

impl Known {
    /// The flow of a segment's sender, as its socket sees it, else of its receiver; `None` when there
    /// is none, or when sockets of several network namespaces have these ends.
    pub(super) fn flow(&self, ends: Ends) -> Option<Flow> {
        let other = (ends.1, ends.0);
        let several = |ends: &Ends| self.flows.get(ends).is_some_and(|it| it.len() > 1);
        let (local, remote) = [ends, other]
            .into_iter()
            .find(|ends| self.flows.contains_key(ends))?;
        let netns = *self.flows.get(&(local, remote))?.first()?;
        let flow = Flow {
            local,
            remote,
            netns,
        };
        (!several(&ends) && !several(&other)).then_some(flow)
    }

    fn learn(&mut self, ending: &Ending) {
        let Flow {
            local,
            remote,
            netns,
        } = ending.flow;
        let times = [ending.first_seen, ending.last_seen()];
        for at in times
            .into_iter()
            .chain(ending.acts.iter().map(|act| act.at))
        {
            let (first, last) = self.span.unwrap_or((at, at));
            self.span = Some((first.min(at), last.max(at)));
        }
        if self.marks.len() >= LIMIT || self.flows.len() >= LIMIT {
            return;
        }
        let namespaces = self.flows.entry((local, remote)).or_default();
        if !namespaces.contains(&netns) {
            namespaces.push(netns);
        }
        let segments = ending.segments.as_deref().unwrap_or_default();
        for act in &ending.acts {
            let signs = signs(act, segments);
            self.acts += u64::from(!signs.is_empty());
            for (sign, bound) in signs {
                self.mark(&ending.flow, act.at, sign, bound);
            }
        }
        // What was captured and never acted on: a FIN to a stand-in in TIME_WAIT.
        let unmet = |it: &&WireSegment| it.kernel.is_none() && !it.flags.opens();
        for segment in segments.iter().filter(unmet) {
            if let Some(first) = segment.sightings.first() {
                self.acts += 1;
                let bound = (segment.sent, Bound::About);
                self.mark(&ending.flow, first.at, sign(segment), bound);
            }
        }
    }

    fn mark(&mut self, flow: &Flow, at: MonoNs, sign: Sign, (sent, bound): (bool, Bound)) {
        let flow = if sent { *flow } else { flow.reversed() };
        self.marks.push(Mark {
            ends: (flow.local, flow.remote),
            sign,
            at,
            bound,
        });
    }
}

const SENT: (bool, Bound) = (true, Bound::Later);
const RECEIVED: (bool, Bound) = (false, Bound::Earlier);

/// What the segment of an act may have been: one of these. Where it was captured and recorded, it
/// is known; else the socket's numbers tell.
fn signs(act: &Act, segments: &[WireSegment]) -> Vec<(Sign, (bool, Bound))> {
    let side = match act.how {
        // The tracepoint fires when it has left already (`tcp_send_active_reset`).
        How::RstSent if act.provoked_by.is_none() => (true, Bound::About),
        How::FinSent | How::RstSent => SENT,
        How::FinReceived | How::RstReceived => RECEIVED,
        How::Timeout | How::Destroyed | How::HeldOpen => return Vec::new(),
    };
    let own = |it: &&WireSegment| it.kernel == Some(act.at) && it.sent == side.0;
    let captured = segments.iter().find(own).map(sign);
    let signs = captured.map_or_else(|| implied(act), |sign| vec![sign]);
    signs.into_iter().map(|sign| (sign, side)).collect()
}

/// What the numbers of a socket say of the segment of an act.
fn implied(act: &Act) -> Vec<Sign> {
    let (own, expected) = (act.condition.write_seq, act.condition.rcv_nxt);
    match act.how {
        How::FinSent => act.seq.map(Sign::Fin).into_iter().collect(),
        // Whether the FIN was counted yet depends on where the act was seen; numbers as these are
        // not found by chance.
        How::FinReceived => expected
            .into_iter()
            .flat_map(|next| [next, next.wrapping_sub(1)])
            .map(Sign::Fin)
            .collect(),
        How::RstSent => answer(act)
            .or(act.seq.map(Sign::Reset))
            .into_iter()
            .collect(),
        // An RST is taken in order alone (RFC 5961, section 3.2); one that answers a SYN is known
        // by what it acknowledges.
        How::RstReceived => {
            let in_order = expected.filter(|&it| it != 0).map(Sign::Reset);
            in_order.into_iter().chain(own.map(Sign::Refusal)).collect()
        }
        How::Timeout | How::Destroyed | How::HeldOpen => Vec::new(),
    }
}

/// The answer to a segment that acknowledges nothing, which has no sequence number of its own.
fn answer(act: &Act) -> Option<Sign> {
    let Segment { seq, flags, .. } = act.provoked_by?;
    let takes = |flag| u32::from(flags.has(flag));
    let next = seq.wrapping_add(takes(SegmentFlags::SYN) + takes(SegmentFlags::FIN));
    (!flags.has(SegmentFlags::ACK)).then_some(Sign::Refusal(next))
}

/// What makes a segment that was recorded one.
fn sign(segment: &WireSegment) -> Sign {
    if !segment.flags.has(SegmentFlags::RST) {
        Sign::Fin(segment.seq.wrapping_add(segment.payload_bytes))
    } else if segment.seq == 0 && segment.flags.has(SegmentFlags::ACK) {
        Sign::Refusal(segment.ack)
    } else {
        Sign::Reset(segment.seq)
    }
}

/// Tells a recording to its end, and says what it knows; damage ends it early.
///
/// # Errors
///
/// It cannot be read at all.
pub(super) fn know(opened: Opened, mut progress: Progress) -> Result<Known, Failure> {
    let recording = opened.recording;
    let header = &recording.header;
    let settings = Settings {
        fin: true,
        rst: true,
        count: None,
        ..header.settings.clone()
    };
    let known = Arc::<Mutex<Known>>::default();
    let listener = Box::new(Listener(Arc::clone(&known)));
    let reasons = replay::reasons(header);
    let mut pipeline = view::quiet(Recorded::default(), &settings, reasons, listener);
    if settings.answer_ns > 0 {
        pipeline.captures(settings.everything);
    }
    // Whether it was whole is said when it is told for others.
    recording.tell(&mut pipeline, false, &mut |bytes| progress.at(bytes))?;
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(mem::take(&mut *known))
}

/// Hears endings, and writes nothing.
struct Listener(Arc<Mutex<Known>>);

impl Render for Listener {
    fn ending(&mut self, explained: &Explained<'_>, _out: &mut dyn Write) -> io::Result<()> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.learn(explained.ending);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::{
            ending::{Act, Ending},
            wire::WireSegment,
        },
        tests::arbitrary,
    };

    fn own(act: &Act, ending: &Ending) -> usize {
        let mut alone = ending.clone();
        alone.acts = vec![act.clone()];
        let mut known = Known::default();
        known.learn(&alone);
        usize::try_from(known.acts).unwrap()
    }

    proptest! {
        #[test]
        fn an_ending_is_known_by_its_flow_and_in_its_namespace(ending in arbitrary::ending()) {
            let mut known = Known::default();
            known.learn(&ending);
            let Flow { local, remote, .. } = ending.flow;
            prop_assert_eq!(known.flow((local, remote)), Some(ending.flow));
            prop_assert_eq!(known.flow((remote, local)), Some(ending.flow));
            for mark in &known.marks {
                let sent = mark.ends == (local, remote);
                prop_assert!(sent || mark.ends == (remote, local));
                prop_assert!(mark.bound != Bound::Later || sent);
                prop_assert!(mark.bound != Bound::Earlier || !sent || local == remote);
            }
            let (first, last) = known.span.unwrap();
            prop_assert!(first <= ending.first_seen && ending.last_seen() <= last);
        }

        #[test]
        fn every_act_and_every_segment_without_one_counts_once(ending in arbitrary::ending()) {
            let mut known = Known::default();
            known.learn(&ending);
            let segments = ending.segments.iter().flatten();
            let without = segments.filter(|it| it.kernel.is_none() && !it.flags.opens());
            let without = without.filter(|it| !it.sightings.is_empty()).count();
            let acts: usize = ending.acts.iter().map(|act| own(act, &ending) - without).sum();
            prop_assert_eq!(usize::try_from(known.acts).unwrap(), acts + without);
        }
    }

    #[test]
    fn a_flow_nobody_has_is_in_no_namespace() {
        let ends = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
        assert_eq!(Known::default().flow(ends), None);
    }

    #[test]
    fn a_flow_of_two_namespaces_is_in_neither() {
        let ends = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
        let other = (ends.1, ends.0);
        let mut known = Known::default();
        known.flows.insert(ends, vec![Some(1), Some(2)]);
        assert_eq!(known.flow(ends), None);
        assert_eq!(known.flow(other), None);
        // Its two ends in two are as they should be.
        known.flows.insert(ends, vec![Some(1)]);
        known.flows.insert(other, vec![Some(2)]);
        assert_eq!(known.flow(ends).unwrap().netns, Some(1));
        assert_eq!(known.flow(other).unwrap().netns, Some(2));
    }

    #[test]
    fn a_segment_that_was_recorded_has_the_sign_of_its_bytes() {
        let segment = |flags: u8, seq| WireSegment {
            sent: true,
            flags: SegmentFlags(flags),
            seq,
            ack: 9,
            payload_bytes: 4,
            kernel: None,
            counted_from: None,
            sightings: Vec::new(),
            retransmits: 0,
            again: Vec::new(),
        };
        let (fin, rst, ack) = (SegmentFlags::FIN, SegmentFlags::RST, SegmentFlags::ACK);
        assert_eq!(sign(&segment(fin | ack, 5)), Sign::Fin(9));
        assert_eq!(sign(&segment(rst | ack, 5)), Sign::Reset(5));
        assert_eq!(sign(&segment(rst | ack, 0)), Sign::Refusal(9));
        assert_eq!(sign(&segment(rst, 0)), Sign::Reset(0));
    }
}
