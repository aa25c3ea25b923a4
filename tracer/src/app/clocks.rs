//! The clocks of a live run: sampled all the time, and whatever happens to them is told.

use super::output;
use crate::{
    enrich::{clock, clock::history::History, facts::Facts},
    model::clock::{Change, Sample, Timed},
    pipeline::tap::Tapped,
    render::time::human,
    tally,
};

/// The clocks, from the first sample on.
pub(super) struct Clocks {
    history: History,
    quiet: bool,
}

impl Clocks {
    /// Takes the first sample; says nothing ever if `quiet`.
    pub(super) fn new(quiet: bool) -> (Self, Sample) {
        let first = clock::sample();
        let history = History::new(first);
        (Self { history, quiet }, first)
    }

    /// Takes a sample. The road hears of it when something happened, and when it is `due`.
    pub(super) fn sample(&mut self, due: bool, pipeline: &mut Tapped<impl Facts>) {
        let sample = clock::sample();
        let change = self.history.push(sample);
        if let Some(change) = change {
            // Up to here the offset was the old one.
            if let Some(before) = self.history.before() {
                pipeline.clock(before);
            }
            self.say(change);
        }
        if due || change.is_some() {
            pipeline.clock(sample);
        }
    }

    /// When a stamp of the wall's clock was, by the hooks'.
    pub(super) fn hooks_time(&self, wall_ns: i64) -> Option<Timed> {
        self.history.hooks_time(wall_ns)
    }

    /// What was told of them so far.
    pub(super) fn told(&self) -> tally::Clocks {
        self.history.clocks()
    }

    fn say(&self, Change { step_ns, slept_ns }: Change) {
        if self.quiet {
            return;
        }
        let length = |ns: i128| human(u64::try_from(ns.unsigned_abs()).unwrap_or(u64::MAX));
        if slept_ns != 0 {
            output::say(format_args!(
                "finrst: the machine slept {}",
                length(slept_ns)
            ));
        }
        if step_ns != 0 {
            let way = if step_ns < 0 { "back" } else { "forward" };
            output::say(format_args!(
                "finrst: the wall clock was set {} {way}",
                length(step_ns)
            ));
        }
    }
}
