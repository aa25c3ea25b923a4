//! How a run begins to be told.

use std::io;

use super::run::Run;
use crate::{
    app::{output, record::Tape},
    cli::Transport,
    enrich::clock,
    probe::system::SystemFacts,
    render::{Point, Start},
};

impl Run<'_> {
    /// Says that tracing has begun, to programs on stdout, to people on stderr.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub(super) fn announce(&mut self, facts: &SystemFacts, tape: Option<Tape>) -> io::Result<()> {
        let outcomes = || {
            self.session
                .plan
                .outcomes
                .iter()
                .filter(|outcome| outcome.wanted)
        };
        let points: Vec<_> = outcomes()
            .map(|outcome| Point {
                name: outcome.point.name,
                way: outcome.chosen.map(|hook| hook.way().name()),
            })
            .collect();
        let start = Start {
            at: clock::now(),
            version: env!("CARGO_PKG_VERSION"),
            kernel: Some(&facts.release),
            machine: std::env::consts::ARCH,
            transport: Some(match self.job.kernel.transport {
                Transport::Perf => "perf",
                Transport::Ringbuf => "ringbuf",
            }),
            points: &points,
        };
        if let Some(tape) = tape {
            let offsets = &self.session.resolved.offsets;
            let header = tape.header(&start, offsets, &self.job.settings());
            self.pipeline.record(tape.writer, header);
        }
        self.renew_devices()?;
        if !self.job.quiet || self.job.is_framed() {
            self.pipeline.start(&start)?;
        }
        if !self.job.quiet {
            let absent: Vec<_> = points
                .iter()
                .filter(|point| point.way.is_none())
                .map(|point| point.name)
                .collect();
            if !absent.is_empty() {
                let absent = absent.join(", ");
                output::say(format_args!(
                    "finrst: running without {absent}: `finrst check` says why and what is lost"
                ));
            }
        }
        Ok(())
    }
}
