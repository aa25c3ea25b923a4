//! JSON Lines: every line one object by `docs/schema/finrst.schema.json`.

use std::io::{self, Write};

use serde::Serialize;

use super::{
    Devices, Explained, Options, Render, Start,
    schema::{Line, Text, alignment, ending, event, run, wire},
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
}

impl Json {
    pub(super) fn new(options: Options) -> Self {
        Self {
            clock: options.clock,
            reasons: options.reasons,
            via: Via::default(),
        }
    }

    fn line(
        &self,
        kind: &'static str,
        at: MonoNs,
        body: impl Serialize,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let time = Text(self.clock.rfc3339(at));
        serde_json::to_writer(&mut *out, &Line::new(kind, time, at, body))?;
        out.write_all(b"\n")
    }
}

impl Render for Json {
    fn clock(&mut self, sample: &Sample) {
        self.clock.learn(sample);
    }

    fn start(&mut self, start: &Start<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.via = Via::new(start);
        self.line("start", start.at, run::start(start), out)
    }

    fn alignment(
        &mut self,
        alignment: &Alignment,
        at: MonoNs,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let body = alignment::alignment(alignment, &self.clock);
        self.line("alignment", at, body, out)
    }

    fn event(&mut self, event: &Observation, out: &mut dyn Write) -> io::Result<()> {
        let reason = words::event_reason(&event.what, &self.reasons);
        self.line("event", event.at, event::event(event, reason.as_ref()), out)
    }

    fn ending(&mut self, explained: &Explained<'_>, out: &mut dyn Write) -> io::Result<()> {
        let at = words::dated(explained.ending);
        let via = explained.ending.decisive().and_then(|act| self.via.of(act));
        self.line(
            "ending",
            at,
            ending::ending(explained, via, &self.clock),
            out,
        )
    }

    fn segment(&mut self, stray: &Stray, devices: &Devices, out: &mut dyn Write) -> io::Result<()> {
        let at = stray.sightings.first().map_or(MonoNs(0), |it| it.at);
        self.line("segment", at, wire::stray(stray, devices), out)
    }

    fn lost(&mut self, lost: &Lost, out: &mut dyn Write) -> io::Result<()> {
        self.line("lost", lost.at, run::lost(lost), out)
    }

    fn summary(&mut self, tally: &Tally, out: &mut dyn Write) -> io::Result<()> {
        self.line("summary", tally.at, run::summary(tally), out)
    }
}
