//! The account of a run: what was emitted, received, lost, and what became of it.
//!
//! Plain numbers; whoever reads a counter or meets a record writes it here.

mod delays;

use tracer_common::event::Kind;

pub use self::delays::{Delay, Delays};
use crate::model::{observation::What, stray::Why, time::MonoNs};

/// One counter for each kind of record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerKind([u64; Kind::ALL.len()]);

impl PerKind {
    /// The count of one kind.
    #[must_use]
    pub fn get(&self, kind: Kind) -> u64 {
        self.iter()
            .find(|&(other, _)| other == kind)
            .map_or(0, |(_, count)| count)
    }

    /// Replaces the count of one kind, as when a kernel counter was read.
    pub fn set(&mut self, kind: Kind, count: u64) {
        if let Some(slot) = self.slot(kind) {
            *slot = count;
        }
    }

    /// Adds to the count of one kind.
    pub fn add(&mut self, kind: Kind, count: u64) {
        if let Some(slot) = self.slot(kind) {
            *slot = slot.saturating_add(count);
        }
    }

    /// The counts of all kinds together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum, &count| sum.saturating_add(count))
    }

    /// Every kind with its count, in the order of [`Kind::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Kind, u64)> + Clone + use<> {
        Kind::ALL.into_iter().zip(self.0)
    }

    /// Every kind's name in output with its count, in the order of [`Kind::ALL`].
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> + Clone + use<> {
        self.iter().map(|(kind, count)| (kind.name(), count))
    }

    /// What was counted since `earlier`, a reading of the same counters.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut grown = *self;
        for (now, before) in grown.0.iter_mut().zip(earlier.0) {
            *now = now.saturating_sub(before);
        }
        grown
    }

    fn slot(&mut self, kind: Kind) -> Option<&mut u64> {
        let mut slots = Kind::ALL.into_iter().zip(&mut self.0);
        slots
            .find(|&(other, _)| other == kind)
            .map(|(_, slot)| slot)
    }
}

/// Segments no ending told of, by the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unjoined([u64; Why::ALL.len()]);

impl Unjoined {
    /// Adds to the count of one reason.
    pub fn add(&mut self, why: Why, count: u64) {
        let mut slots = Why::ALL.into_iter().zip(&mut self.0);
        if let Some((_, slot)) = slots.find(|&(other, _)| other == why) {
            *slot = slot.saturating_add(count);
        }
    }

    /// The counts of all reasons together.
    #[must_use]
    pub fn total(&self) -> u64 {
        let counts = self.0.iter();
        counts.fold(0, |sum, &count| sum.saturating_add(count))
    }

    /// Every reason's name in output with its count.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> + Clone + use<> {
        Why::ALL.into_iter().map(Why::code).zip(self.0)
    }
}

/// What the kernel half says of its own work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Records the hooks tried to send.
    pub emitted: PerKind,
    /// Records that found a buffer full.
    pub lost: PerKind,
    /// Runs of hooks the kernel skipped; `None` where it does not count them.
    pub missed: Option<u64>,
    /// Sockets a process filter forgot because its table was full.
    pub forgotten: u64,
    /// What the capture says of its own work; `None` without one.
    pub captured: Option<Captured>,
    /// What happened to the clocks; `None` in recordings that did not keep it.
    pub clocks: Option<Clocks>,
    /// When the counters were read.
    pub at: MonoNs,
}

/// The counters of a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// Frames that passed its filter, dropped ones included.
    pub frames: u64,
    /// Of these, frames it had no room for.
    pub dropped: u64,
    /// Of these, frames with fragments of segments, cut or damaged ones.
    pub unreadable: u64,
    /// Of these, segments whose time is not known, because the wall clock was set.
    pub untimed: u64,
    /// Network namespaces for which there was no room.
    pub left_out: u64,
    /// SYNs that were not looked at, because there were too many at a time; no frames of these.
    pub syns_left_out: u64,
}

impl Captured {
    /// What was counted since `earlier`, a reading of the same counters.
    #[must_use]
    pub const fn since(&self, earlier: &Self) -> Self {
        Self {
            frames: self.frames.saturating_sub(earlier.frames),
            dropped: self.dropped.saturating_sub(earlier.dropped),
            unreadable: self.unreadable.saturating_sub(earlier.unreadable),
            untimed: self.untimed.saturating_sub(earlier.untimed),
            // How many there are, not how many there were.
            left_out: self.left_out,
            syns_left_out: self.syns_left_out.saturating_sub(earlier.syns_left_out),
        }
    }
}

/// What happened to the clocks: how the wall's stood to the hooks', sampled all the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// How often the wall was set.
    pub steps: u64,
    /// Nanoseconds it was set forward by, negative for back, the time that was most; zero when it
    /// was not set.
    pub largest_step_ns: i64,
    /// How often the machine was suspended.
    pub suspends: u64,
    /// Nanoseconds it was suspended, together.
    pub suspended_ns: u64,
    /// Nanoseconds within which half of the samples are true, rounded up by an eighth at most.
    pub error_p50_ns: u64,
    /// Nanoseconds within which all of them are.
    pub error_max_ns: u64,
}

/// The counters of a run.
///
/// Once the hooks are detached and the buffers drained, everything the hooks tried to send was
/// either received or lost: `emitted = received + undecodable + lost`, and kind by kind
/// `emitted = received + lost` unless something was undecodable. See [`Tally::unaccounted`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// When the counters were read.
    pub at: MonoNs,
    /// Records the hooks tried to send; the kernel half counts them.
    pub emitted: PerKind,
    /// Records that came off a buffer and could be read.
    pub received: PerKind,
    /// Records that found a buffer full; the kernel half counts them.
    pub lost: PerKind,
    /// Runs of hooks the kernel skipped because it was in the same hook on that CPU already;
    /// `None` where it does not count them.
    pub missed: Option<u64>,
    /// Records that came off a buffer and could not be read.
    pub undecodable: u64,
    /// Records that came after a younger one had been used; they were used all the same.
    pub late: u64,
    /// Records used before their time because too many were waiting.
    pub early: u64,
    /// Records and endings a filter of the user half left out.
    pub filtered: u64,
    /// What the capture says of its own work; `None` without one.
    pub captured: Option<Captured>,
    /// What happened to the clocks; `None` where it is not known.
    pub clocks: Option<Clocks>,
    /// Segments no ending told of; `None` while none are captured, or a filter leaves endings out.
    pub unjoined_segments: Option<Unjoined>,
    /// Delays between the kernel and each device; `None` where no segments are captured.
    pub delays: Option<Vec<Delay>>,
    /// Endings told.
    pub endings: u64,
    /// Of these, endings told before the capture was read up to them, which may lack segments.
    pub hurried: u64,
    /// Connections forgotten for want of room before they ended.
    pub evicted: u64,
}

impl Tally {
    /// Every record that came off a buffer, undecodable ones included.
    #[must_use]
    pub fn received_total(&self) -> u64 {
        self.received.total().saturating_add(self.undecodable)
    }

    /// Records emitted and neither received nor lost: those still in a buffer.
    ///
    /// Zero after the drain. Below zero while running, when `emitted` was read before the rest.
    #[must_use]
    pub fn unaccounted(&self) -> i128 {
        let accounted = i128::from(self.received_total()) + i128::from(self.lost.total());
        i128::from(self.emitted.total()) - accounted
    }
}

/// Records that were lost since this was last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// When the loss was noticed; it happened before.
    pub at: MonoNs,
    /// How many of each kind.
    pub records: PerKind,
}

/// The kind of record an observation came from.
#[must_use]
pub const fn kind_of(what: &What) -> Kind {
    match what {
        What::CloseCalled { .. } => Kind::CloseCalled,
        What::ShutdownCalled { .. } => Kind::ShutdownCalled,
        What::FinQueued { .. } => Kind::FinQueued,
        What::RstSent { .. } => Kind::RstSent,
        What::RstAnswered { .. } => Kind::RstAnswered,
        What::StateChanged { .. } => Kind::StateChanged,
        What::RstReceived { .. } => Kind::RstReceived,
        What::FinRetransmitted { .. } => Kind::FinRetransmitted,
        What::Destroyed { .. } => Kind::Destroyed,
        What::ProcessExited { .. } => Kind::ProcessExited,
        What::ProcessExeced { .. } => Kind::ProcessExeced,
        What::ProcessForked { .. } => Kind::ProcessForked,
        What::Accepted { .. } => Kind::Accepted,
        What::HeldOpen { .. } => Kind::HeldOpen,
        What::Queued { .. } => Kind::Queued,
        What::SegmentSeen(_) => Kind::SegmentSeen,
        What::Stack(_) => Kind::Stack,
        What::CloseAsked { .. } => Kind::CloseAsked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_counter_of_its_own() {
        let mut counts = PerKind::default();
        for (kind, count) in Kind::ALL.into_iter().zip(1..) {
            counts.add(kind, count);
        }
        for (kind, count) in Kind::ALL.into_iter().zip(1..) {
            assert_eq!(counts.get(kind), count);
        }
        assert_eq!(counts.total(), 171);
        counts.set(Kind::RstSent, 0);
        assert_eq!(counts.total(), 167);
    }

    #[test]
    fn a_second_reading_tells_what_was_counted_between() {
        let mut earlier = PerKind::default();
        earlier.set(Kind::RstSent, 3);
        let mut now = earlier;
        now.add(Kind::RstSent, 2);
        now.add(Kind::Destroyed, 1);
        let grown = now.since(&earlier);
        assert_eq!((grown.get(Kind::RstSent), grown.total()), (2, 3));
    }

    #[test]
    fn an_undecodable_record_was_received() {
        let mut tally = Tally {
            undecodable: 1,
            ..Tally::default()
        };
        tally.emitted.set(Kind::RstSent, 6);
        tally.lost.set(Kind::RstSent, 2);
        tally.received.set(Kind::RstSent, 3);
        assert_eq!((tally.received_total(), tally.unaccounted()), (4, 0));
        tally.emitted.add(Kind::Destroyed, 5);
        assert_eq!(tally.unaccounted(), 5);
    }
}
