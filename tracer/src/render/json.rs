//! JSON Lines: every line one object by `docs/schema/finrst.schema.json`.

use std::io::{self, Write};

use serde::Serialize;

pub(super) mod writer;

use writer::Line;

use super::{
    Devices, Explained, Options, Render, Start,
    schema::{Head, Text, alignment, ending, event, run, wire},
    time::WallClock,
    via::Via,
    words,
};
use crate::{
    model::{
        alignment::Alignment, clock::Sample, observation::Observation, reason::ReasonNames,
        stray::Stray, time::MonoNs,
    },
    tally::{Lost, Tally},
};

/// Writes JSON Lines.
pub(super) struct Json {
    clock: WallClock,
    reasons: ReasonNames,
    via: Via,
    buffer: Buffer,
}

/// The line under construction.
#[derive(Default)]
struct Buffer(Line);

impl Buffer {
    fn line(
        &mut self,
        kind: &'static str,
        (clock, at): (&WallClock, MonoNs),
        body: impl Serialize,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let time = Text(clock.rfc3339(at));
        self.0.write(&Head::new(kind, time, at), &body, out)
    }
}

impl Json {
    pub(super) fn new(options: Options) -> Self {
        Self {
            clock: options.clock,
            reasons: options.reasons,
            via: Via::default(),
            buffer: Buffer::default(),
        }
    }

    /// Writes one line of any type.
    pub(super) fn line(
        &mut self,
        kind: &'static str,
        at: MonoNs,
        body: impl Serialize,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.buffer.line(kind, (&self.clock, at), body, out)
    }
}

impl Render for Json {
    fn clock(&mut self, sample: &Sample) {
        self.clock.learn(sample);
    }

    fn start(&mut self, start: &Start<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.via = Via::new(start);
        let at = (&self.clock, start.at);
        self.buffer.line("start", at, run::start(start), out)
    }

    fn alignment(
        &mut self,
        alignment: &Alignment,
        at: MonoNs,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let body = alignment::alignment(alignment, &self.clock);
        let at = (&self.clock, at);
        self.buffer.line("alignment", at, body, out)
    }

    fn event(&mut self, event: &Observation, out: &mut dyn Write) -> io::Result<()> {
        let reason = words::event_reason(&event.what, &self.reasons);
        let body = event::event(event, reason.as_ref());
        let at = (&self.clock, event.at);
        self.buffer.line("event", at, body, out)
    }

    fn ending(&mut self, explained: &Explained<'_>, out: &mut dyn Write) -> io::Result<()> {
        let at = (&self.clock, words::dated(explained.ending));
        let via = explained.ending.decisive().and_then(|act| self.via.of(act));
        let body = ending::ending(explained, via, &self.clock);
        self.buffer.line("ending", at, body, out)
    }

    fn segment(&mut self, stray: &Stray, devices: &Devices, out: &mut dyn Write) -> io::Result<()> {
        let at = stray.sightings.first().map_or(MonoNs(0), |it| it.at);
        let at = (&self.clock, at);
        let body = wire::stray(stray, devices);
        self.buffer.line("segment", at, body, out)
    }

    fn lost(&mut self, lost: &Lost, out: &mut dyn Write) -> io::Result<()> {
        let at = (&self.clock, lost.at);
        self.buffer.line("lost", at, run::lost(lost), out)
    }

    fn summary(&mut self, tally: &Tally, out: &mut dyn Write) -> io::Result<()> {
        let at = (&self.clock, tally.at);
        self.buffer.line("summary", at, run::summary(tally), out)
    }
}
