//! How a run is told, whether it comes from the kernel or from a recording.

mod gathered;
mod people;

use std::io::{self, IsTerminal as _};

use anyhow::anyhow;
use jiff::tz::TimeZone;

pub(super) use self::{
    gathered::{Gather, Reporting},
    people::{say_alignment, say_summary},
};
use super::output;
use crate::{
    cli::{Color, Correlate, Output, Stack, Telling, Trace},
    correlate::{Correlator, Limits},
    enrich::facts::Facts,
    exit::{Exit, Failure},
    model::{cause::Cause, reason::ReasonNames},
    pipeline::{Pipeline, Wanted},
    record::Settings,
    render::{
        Format, Options, Render, Silent,
        latency::{
            Latency,
            pair::{Pair, Subject},
        },
        report::Report,
        time::WallClock,
    },
};

/// What was asked of the telling.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct View {
    output: Telling,
    verbose: bool,
    unjoined: bool,
    explain: bool,
    stacks: bool,
    color: Color,
    told: Told,
}

/// Whether endings are told one by one.
#[derive(Clone, Debug)]
enum Told {
    /// Each.
    Each,
    /// How long their phases took.
    Latencies(Gather),
    /// How those of two processes differ.
    Pair([Subject; 2]),
    /// All together.
    Report(Reporting),
}

impl View {
    pub(super) fn new(trace: &Trace) -> Self {
        Self {
            output: trace.output,
            verbose: trace.verbose,
            unjoined: trace.unjoined || trace.verbose,
            explain: trace.explain,
            stacks: trace.verbose
                || trace.explain
                || trace.stack.is_some_and(|stack| stack != Stack::None),
            color: trace.color,
            told: Told::Each,
        }
    }

    /// How endings are told together.
    pub(super) const fn gathered(output: Output, color: Color, gather: Gather) -> Self {
        Self::at_the_end(output, color, Told::Latencies(gather))
    }

    /// How two processes are held against each other.
    pub(super) const fn compared(output: Output, color: Color, pair: [Subject; 2]) -> Self {
        Self::at_the_end(output, color, Told::Pair(pair))
    }

    const fn at_the_end(output: Output, color: Color, told: Told) -> Self {
        Self {
            output: match output {
                Output::Text => Telling::Text,
                Output::Json => Telling::Json,
            },
            verbose: false,
            unjoined: false,
            explain: false,
            stacks: false,
            color,
            told,
        }
    }

    /// How a report is written.
    pub(super) const fn reported(color: Color, reporting: Reporting) -> Self {
        Self {
            output: Telling::Text,
            verbose: false,
            unjoined: false,
            explain: false,
            stacks: false,
            color,
            told: Told::Report(reporting),
        }
    }

    /// Whether nothing is told before the end.
    pub(super) const fn is_gathered(&self) -> bool {
        matches!(
            self.told,
            Told::Latencies(_) | Told::Pair(_) | Told::Report(_)
        )
    }

    /// Whether it has the account of the run for people.
    pub(super) const fn has_account(&self) -> bool {
        matches!(self.told, Told::Report(_))
    }

    /// How a recording with captures is told.
    pub(super) const fn beside(correlate: &Correlate) -> Self {
        Self {
            output: correlate.output,
            verbose: correlate.verbose,
            unjoined: correlate.verbose,
            stacks: correlate.verbose || correlate.explain,
            explain: correlate.explain,
            color: correlate.retold.color,
            told: Told::Each,
        }
    }

    /// Whether it begins with the start and ends with the account of the run: for programs, and
    /// where the end is what it is about.
    pub(super) fn is_framed(&self) -> bool {
        self.output != Telling::Text || self.is_gathered()
    }

    /// Refuses what cannot be told that way; `captured` says whether segments are or were.
    ///
    /// # Errors
    ///
    /// Exit code 2.
    pub(super) fn check(&self, captured: bool, hint: &'static str) -> Result<(), Failure> {
        if self.output != Telling::Pcapng {
            return Ok(());
        }
        let refused =
            |what: &'static str, hint| Err(Failure::new(Exit::Usage, anyhow!(what), hint));
        if !captured {
            return refused("without a capture there are no packets to write", hint);
        }
        if self.verbose {
            let hint = "-o json has the events; for both, --record once and --replay twice";
            return refused(
                "events are no packets: -v has nothing to add to pcapng",
                hint,
            );
        }
        if io::stdout().is_terminal() {
            let hint = "into a file: > run.pcapng; or live: | tshark -n -r -";
            return refused("pcapng is nothing to show on a terminal", hint);
        }
        Ok(())
    }

    /// A road to standard output.
    pub(super) fn pipeline<F: Facts>(
        &self,
        facts: F,
        settings: &Settings,
        reasons: ReasonNames,
        clock: WallClock,
    ) -> Pipeline<F> {
        let format = match self.output {
            Telling::Text => Format::Text,
            Telling::Json => Format::Json,
            Telling::Pcapng => Format::Pcapng,
        };
        let options = Options {
            clock,
            reasons: reasons.clone(),
            colour: output::coloured(self.color),
            explain: self.explain,
            stacks: self.stacks,
        };
        let view: Box<dyn Render> = match &self.told {
            Told::Each => format.renderer(options),
            Told::Latencies(gather) => Box::new(Latency::new(format, gather.telling(), options)),
            Told::Pair(pair) => Box::new(Pair::new(format, pair.clone(), options)),
            Told::Report(it) => Box::new(Report::new(it.form(), &it.name, options)),
        };
        let out = match &self.told {
            Told::Report(Reporting {
                page: Some(page), ..
            }) => output::file(page),
            Told::Each | Told::Latencies(_) | Told::Pair(_) | Told::Report(_) => output::stdout(),
        };
        let mut road = road(facts, settings, reasons, view, out, self.verbose);
        if self.unjoined {
            road.tell_strays_too();
        }
        road
    }
}

/// A road that tells nothing.
pub(super) fn silent<F: Facts>(facts: F, settings: &Settings, reasons: ReasonNames) -> Pipeline<F> {
    quiet(facts, settings, reasons, Box::new(Silent))
}

/// A road that tells a view of endings alone, and writes nothing.
pub(super) fn quiet<F: Facts>(
    facts: F,
    settings: &Settings,
    reasons: ReasonNames,
    view: Box<dyn Render>,
) -> Pipeline<F> {
    into(facts, settings, reasons, view, Box::new(io::sink()))
}

/// A road that tells a view of endings alone, and writes it somewhere.
pub(super) fn into<F: Facts>(
    facts: F,
    settings: &Settings,
    reasons: ReasonNames,
    view: Box<dyn Render>,
    out: Box<dyn io::Write>,
) -> Pipeline<F> {
    road(facts, settings, reasons, view, out, false)
}

fn road<F: Facts>(
    facts: F,
    settings: &Settings,
    reasons: ReasonNames,
    view: Box<dyn Render>,
    out: Box<dyn io::Write>,
    events: bool,
) -> Pipeline<F> {
    let &Settings {
        fin,
        rst,
        count,
        settle_ns,
        sockets,
        answer_ns,
        everything: _,
        every_reset,
        ref causes,
    } = settings;
    let usual = Limits::default();
    let limits = Limits {
        sockets,
        settle_ns,
        answer_ns,
        every_reset,
        // Segments may leave as late for an ending as for an answer.
        grace_ns: usual.grace_ns.max(answer_ns),
        ..usual
    };
    let correlator = Correlator::new(limits, reasons);
    let causes = causes.iter().filter_map(|code| Cause::from_code(code));
    let wanted = Wanted {
        fin,
        rst,
        causes: causes.collect(),
    };
    Pipeline::new(facts, correlator, view, out, wanted, events, count)
}

/// A relation of the clocks, told in the zone of whoever reads.
pub(super) fn from_offset(offset_ns: i128) -> WallClock {
    WallClock::new(offset_ns, TimeZone::system())
}
