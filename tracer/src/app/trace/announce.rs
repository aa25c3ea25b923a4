//! How a run begins to be told.

use std::io;

use super::run::Run;
use crate::{
    app::{kernel, output, record::Tape},
    enrich::clock,
    probe::system::SystemFacts,
    render::Start,
};

impl Run<'_> {
    /// Says that tracing has begun, to programs on stdout, to people on stderr.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub(super) fn announce(&mut self, facts: &SystemFacts, tape: Option<Tape>) -> io::Result<()> {
        let points = kernel::points(&self.session);
        let start = Start {
            at: clock::now(),
            version: env!("CARGO_PKG_VERSION"),
            kernel: Some(&facts.release),
            machine: std::env::consts::ARCH,
            transport: Some(self.session.transport()),
            points: &points,
        };
        if let Some(tape) = tape {
            let offsets = &self.session.resolved.offsets;
            let header = tape.header(&start, offsets);
            self.pipeline.record(tape.medium, header);
        }
        self.renew_devices()?;
        if !self.job.quiet || self.job.is_framed() {
            self.pipeline.start(&start)?;
        }
        if !self.job.quiet {
            if self.catching.is_some() {
                output::say("finrst: watching; Ctrl-C ends the wait");
            }
            kernel::say_absent(&points);
        }
        Ok(())
    }
}
