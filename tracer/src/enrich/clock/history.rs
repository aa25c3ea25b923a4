//! Stamps of the wall's clock as moments by the hooks': pure, from samples of both.

use std::collections::VecDeque;

use crate::{
    model::{
        clock::{Change, Sample, Timed},
        time::MonoNs,
    },
    tally::Clocks,
};

mod spread;

use spread::Spread;

/// Samples kept. One is taken with each turn, and what a turn takes off a capture is hardly older
/// than the turn before.
const KEPT: usize = 128;

/// How uncertain a moment may be, in nanoseconds: as far as a segment may be from its socket and
/// still be joined.
const UNCERTAIN_NS: i128 = 20_000_000;

/// The latest samples, and what they told.
#[derive(Debug)]
pub struct History {
    samples: VecDeque<Sample>,
    errors: Spread,
    told: Clocks,
}

impl History {
    /// A history that begins with a sample; earlier stamps have no time.
    #[must_use]
    pub fn new(first: Sample) -> Self {
        let mut errors = Spread::default();
        errors.add(first.error_ns);
        Self {
            samples: VecDeque::from([first]),
            errors,
            told: Clocks::default(),
        }
    }

    /// Takes in the next sample; says what happened to the clocks since the one before.
    ///
    /// A step is seen when it is larger than the errors of both. Two that cancel out between two
    /// samples are not.
    pub fn push(&mut self, sample: Sample) -> Option<Change> {
        let change = self.samples.back().and_then(|last| last.change(&sample));
        if let Some(Change { step_ns, slept_ns }) = change {
            let told = &mut self.told;
            told.steps += u64::from(step_ns != 0);
            if step_ns.abs() > i128::from(told.largest_step_ns).abs() {
                told.largest_step_ns = i64::try_from(step_ns).unwrap_or(i64::MAX);
            }
            told.suspends += u64::from(slept_ns != 0);
            told.suspended_ns += u64::try_from(slept_ns).unwrap_or(0);
        }
        self.errors.add(sample.error_ns);
        if self.samples.len() == KEPT {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
        change
    }

    /// The sample before the last.
    #[must_use]
    pub fn before(&self) -> Option<Sample> {
        let last = self.samples.len().checked_sub(1)?;
        self.samples.get(last.checked_sub(1)?).copied()
    }

    /// What was told of the clocks so far.
    #[must_use]
    pub fn clocks(&self) -> Clocks {
        Clocks {
            error_p50_ns: self.errors.median(),
            error_max_ns: self.errors.most(),
            ..self.told
        }
    }

    /// The moment of a stamp by the wall's clock, nanoseconds since 1970, taken before the last
    /// sample; `None` where it fits no time that is known, or too many.
    ///
    /// Between two samples that agree, one offset within the errors of both holds. Between two that
    /// do not, the wall was set, and the stamp is from before or after: whichever falls between
    /// them. Where all of that leaves more than one moment, the error covers all.
    #[must_use]
    pub fn hooks_time(&self, wall_ns: i64) -> Option<Timed> {
        let wall = i128::from(wall_ns);
        let pairs = self.samples.iter().zip(self.samples.iter().skip(1));
        let mut all: Option<Span> = None;
        for (earlier, later) in pairs {
            let between = Span {
                from: Span::of(earlier, earlier.at.0.into()).from,
                to: Span::of(later, later.at.0.into()).to,
            };
            let before = Span::of(earlier, wall - earlier.offset_ns);
            let after = Span::of(later, wall - later.offset_ns);
            let fitting = if earlier.agrees(later) {
                [before.with(after).within(between), None]
            } else {
                [before.within(between), after.within(between)]
            };
            for fits in fitting.into_iter().flatten() {
                all = Some(all.map_or(fits, |all| all.with(fits)));
            }
        }
        let Span { from, to } = all?;
        let error = (to - from + 1) / 2;
        (error <= UNCERTAIN_NS).then_some(Timed {
            at: MonoNs(u64::try_from(i128::midpoint(from, to)).ok()?),
            error_ns: u64::try_from(error).ok(),
        })
    }
}

/// Moments from one to another, both included, in nanoseconds of the hooks' clock.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: i128,
    to: i128,
}

impl Span {
    /// A moment, give or take a sample's error.
    fn of(sample: &Sample, at: i128) -> Self {
        let error = i128::from(sample.error_ns);
        Self {
            from: at - error,
            to: at + error,
        }
    }

    /// The shortest that has both.
    fn with(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
        }
    }

    /// What of it lies in another.
    fn within(self, other: Self) -> Option<Self> {
        let span = Self {
            from: self.from.max(other.from),
            to: self.to.min(other.to),
        };
        (span.from <= span.to).then_some(span)
    }
}

#[cfg(test)]
mod tests;
