//! How a run is told, whether it comes from the kernel or from a recording.

use std::{
    fs::File,
    io::{self, IsTerminal as _},
    sync::Arc,
};

use anyhow::anyhow;
use jiff::tz::TimeZone;

use super::output;
use crate::{
    cli::{Color, Correlate, Output, Stack, Telling, Trace},
    correlate::{Correlator, Limits},
    enrich::facts::Facts,
    exit::{Exit, Failure},
    latency::group::By,
    model::{alignment::Alignment, cause::Cause, reason::ReasonNames, time::MonoNs},
    pipeline::{Pipeline, Wanted},
    record::Settings,
    render::{
        Format, Options, Render, Silent,
        latency::{self, Latency, PlotFile},
        time::WallClock,
    },
    tally::Tally,
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
    /// What to gather endings for; `None` where each is told.
    gather: Option<Gather>,
}

/// What endings are gathered for.
#[derive(Clone, Debug)]
pub(super) struct Gather {
    pub(super) by: By,
    pub(super) interval_ns: Option<u64>,
    pub(super) plot: Option<Arc<File>>,
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
            gather: None,
        }
    }

    /// How endings are told together.
    pub(super) const fn gathered(output: Output, color: Color, gather: Gather) -> Self {
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
            gather: Some(gather),
        }
    }

    /// How a recording with captures is told.
    pub(super) const fn beside(correlate: &Correlate) -> Self {
        Self {
            output: correlate.output,
            verbose: correlate.verbose,
            unjoined: correlate.verbose,
            stacks: correlate.verbose || correlate.explain,
            explain: correlate.explain,
            color: correlate.color,
            gather: None,
        }
    }

    /// Whether it begins with the start and ends with the account of the run: for programs, and
    /// where the end is what it is about.
    pub(super) fn is_framed(&self) -> bool {
        self.output != Telling::Text || self.gather.is_some()
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
        let view: Box<dyn Render> = match &self.gather {
            Some(gather) => Box::new(Latency::new(format, gather.telling(), options)),
            None => format.renderer(options),
        };
        let out = output::stdout();
        let mut road = road(facts, settings, reasons, view, out, self.verbose);
        if self.unjoined {
            road.tell_strays_too();
        }
        road
    }
}

impl Gather {
    fn telling(&self) -> latency::Telling {
        let plot = self.plot.clone();
        latency::Telling {
            by: self.by,
            interval_ns: self.interval_ns,
            plot: plot.map(|file| -> Box<dyn PlotFile> { Box::new(file) }),
        }
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
    road(facts, settings, reasons, view, Box::new(io::sink()), false)
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
        ref causes,
    } = settings;
    let usual = Limits::default();
    let limits = Limits {
        sockets,
        settle_ns,
        answer_ns,
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

/// How a capture was held against a recording, for people, on standard error.
///
/// # Errors
///
/// None: it is written to memory first.
pub(super) fn say_alignment(alignment: &Alignment, at: MonoNs, clock: WallClock) -> io::Result<()> {
    let mut lines = Vec::new();
    for_people(clock).alignment(alignment, at, &mut lines)?;
    output::say(String::from_utf8_lossy(lines.trim_ascii_end()));
    Ok(())
}

/// The account of a run for people, on standard error, where it does not mix with the data.
///
/// # Errors
///
/// None: it is written to memory first.
pub(super) fn say_summary(tally: &Tally) -> io::Result<()> {
    let mut summary = Vec::new();
    for_people(from_offset(0)).summary(tally, &mut summary)?;
    output::say(String::from_utf8_lossy(summary.trim_ascii_end()));
    Ok(())
}

fn for_people(clock: WallClock) -> Box<dyn Render> {
    Format::Text.renderer(Options {
        clock,
        reasons: ReasonNames::default(),
        colour: false,
        explain: false,
        stacks: false,
    })
}
