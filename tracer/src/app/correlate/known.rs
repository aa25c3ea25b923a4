//! What a recording knows of segments: told to its end once, for nobody to read.

use std::{
    collections::HashMap,
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    align::{Bound, Ends, Mark, Sign},
    app::{replay, view},
    exit::Failure,
    model::{
        ending::{Act, Ending, How},
        flow::Flow,
        observation::{Observation, Segment, SegmentFlags},
        time::MonoNs,
        wire::WireSegment,
    },
    record::Settings,
    render::{Explained, Render, Start, time::WallClock},
    replay::Recorded,
    tally::{Lost, Tally},
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
    /// The network namespaces in which a segment's connection has a socket, at either end.
    pub(super) fn namespaces(&self, (source, destination): Ends) -> Vec<Option<u32>> {
        let of = |ends: Ends| self.flows.get(&ends).into_iter().flatten();
        let both = of((source, destination)).chain(of((destination, source)));
        let mut found: Vec<_> = both.copied().collect();
        found.sort_unstable();
        found.dedup();
        found
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
        for act in &ending.acts {
            let signs = signs(act);
            self.acts += u64::from(!signs.is_empty());
            for (sign, bound) in signs {
                self.mark(&ending.flow, act.at, sign, bound);
            }
        }
        for segment in ending.segments.iter().flatten() {
            if let Some((at, sign, bound)) = captured(segment) {
                self.mark(&ending.flow, at, sign, bound);
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

/// What the segment of an act may have been: one of these.
fn signs(act: &Act) -> Vec<(Sign, (bool, Bound))> {
    let (own, expected) = (act.condition.write_seq, act.condition.rcv_nxt);
    match act.how {
        How::FinSent => act
            .seq
            .map(|seq| (Sign::Fin(seq), SENT))
            .into_iter()
            .collect(),
        // Whether the FIN was counted yet depends on where the act was seen; numbers as these are
        // not found by chance.
        How::FinReceived => expected
            .into_iter()
            .flat_map(|next| [next, next.wrapping_sub(1)])
            .map(|seq| (Sign::Fin(seq), RECEIVED))
            .collect(),
        How::RstSent => reset(act).into_iter().collect(),
        // An RST is taken in order alone (RFC 5961, section 3.2); one that answers a SYN is known
        // by what it acknowledges.
        How::RstReceived => {
            let in_order = expected.filter(|&it| it != 0).map(Sign::Reset);
            let answer = own.map(Sign::Refusal);
            let both = in_order.into_iter().chain(answer);
            both.map(|sign| (sign, RECEIVED)).collect()
        }
        How::Timeout | How::Destroyed | How::HeldOpen => Vec::new(),
    }
}

fn reset(act: &Act) -> Option<(Sign, (bool, Bound))> {
    match act.provoked_by {
        Some(Segment { seq, flags, .. }) if !flags.has(SegmentFlags::ACK) => {
            let takes = |flag| u32::from(flags.has(flag));
            let next = seq.wrapping_add(takes(SegmentFlags::SYN) + takes(SegmentFlags::FIN));
            Some((Sign::Refusal(next), SENT))
        }
        Some(_) => Some((Sign::Reset(act.seq?), SENT)),
        // The tracepoint fires when it has left already (`tcp_send_active_reset`).
        None => Some((Sign::Reset(act.seq?), (true, Bound::About))),
    }
}

/// What a capture that was recorded tells of a segment.
fn captured(segment: &WireSegment) -> Option<(MonoNs, Sign, (bool, Bound))> {
    let end = segment.seq.wrapping_add(segment.payload_bytes);
    let sign = if !segment.flags.has(SegmentFlags::RST) {
        Sign::Fin(end)
    } else if segment.seq == 0 && segment.flags.has(SegmentFlags::ACK) {
        Sign::Refusal(segment.ack)
    } else {
        Sign::Reset(segment.seq)
    };
    let bound = match (segment.sent, segment.flags.has(SegmentFlags::RST)) {
        (true, true) => (true, Bound::About),
        (true, false) => SENT,
        (false, _) => RECEIVED,
    };
    let first = segment.sightings.first().map(|it| it.at);
    match segment.kernel {
        Some(at) => Some((at, sign, bound)),
        None => Some((first?, sign, (segment.sent, Bound::About))),
    }
}

/// Tells a recording to its end, and says what it knows; damage ends it early.
///
/// # Errors
///
/// It cannot be read at all.
pub(super) fn know(opened: replay::Opened) -> Result<Known, Failure> {
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
    let clock = view::from_offset(header.clock_offset_ns);
    let mut pipeline = view::quiet(Recorded::default(), &settings, reasons, listener);
    if settings.answer_ns > 0 {
        pipeline.captures(settings.everything);
    }
    // Whether it was whole is said when it is told for others.
    recording.tell(&mut pipeline, &clock, false, &mut |_bytes| {})?;
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(mem::take(&mut *known))
}

/// Hears endings, and writes nothing.
struct Listener(Arc<Mutex<Known>>);

impl Render for Listener {
    fn clock(&mut self, _clock: WallClock) {}

    fn start(&mut self, _start: &Start<'_>, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, _event: &Observation, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn ending(&mut self, explained: &Explained<'_>, _out: &mut dyn Write) -> io::Result<()> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.learn(explained.ending);
        Ok(())
    }

    fn lost(&mut self, _lost: &Lost, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn summary(&mut self, _tally: &Tally, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
