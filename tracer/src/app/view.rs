//! How a run is told, whether it comes from the kernel or from a recording.

use jiff::tz::TimeZone;

use super::output;
use crate::{
    cli::{Color, Output, Stack, Trace},
    correlate::{Correlator, Limits},
    enrich::{clock, facts::Facts},
    model::reason::ReasonNames,
    pipeline::{Pipeline, Wanted},
    record::Settings,
    render::{Format, Options, Render, Silent, time::WallClock},
    tally::Tally,
};

/// What was asked of the telling.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    output: Output,
    verbose: bool,
    explain: bool,
    stacks: bool,
    color: Color,
}

impl View {
    pub(super) fn new(trace: &Trace) -> Self {
        Self {
            output: trace.output,
            verbose: trace.verbose,
            explain: trace.explain,
            stacks: trace.verbose
                || trace.explain
                || trace.stack.is_some_and(|stack| stack != Stack::None),
            color: trace.color,
        }
    }

    /// Whether programs are to read it.
    pub(super) fn is_json(self) -> bool {
        self.output == Output::Json
    }

    /// A road to standard output.
    pub(super) fn pipeline<F: Facts>(
        self,
        facts: F,
        settings: &Settings,
        reasons: ReasonNames,
        clock: WallClock,
    ) -> Pipeline<F> {
        let format = match self.output {
            Output::Text => Format::Text,
            Output::Json => Format::Json,
        };
        let view = format.renderer(Options {
            clock,
            reasons: reasons.clone(),
            colour: output::coloured(self.color),
            explain: self.explain,
            stacks: self.stacks,
        });
        road(
            facts,
            settings,
            reasons,
            view,
            output::stdout(),
            self.verbose,
        )
    }
}

/// A road that tells nothing.
pub(super) fn silent<F: Facts>(facts: F, settings: &Settings, reasons: ReasonNames) -> Pipeline<F> {
    let (view, out) = (Box::new(Silent), Box::new(std::io::sink()));
    road(facts, settings, reasons, view, out, false)
}

fn road<F: Facts>(
    facts: F,
    settings: &Settings,
    reasons: ReasonNames,
    view: Box<dyn Render>,
    out: Box<dyn std::io::Write>,
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
    } = settings;
    let usual = Limits::default();
    let limits = Limits {
        sockets,
        settle_ns,
        answer_ns,
        // Segments may come as late for an ending as for an answer.
        grace_ns: usual.grace_ns.max(answer_ns),
        ..usual
    };
    let correlator = Correlator::new(limits, reasons);
    let wanted = Wanted { fin, rst };
    Pipeline::new(facts, correlator, view, out, wanted, events, count)
}

/// The wall's time as it relates to the hooks' now.
pub(super) fn wall_clock() -> WallClock {
    from_offset(clock::wall_offset_ns())
}

/// A relation of the clocks, told in the zone of whoever reads.
pub(super) fn from_offset(offset_ns: i128) -> WallClock {
    WallClock {
        offset_ns,
        zone: TimeZone::system(),
    }
}

/// The account of a run for people, on standard error, where it does not mix with the data.
///
/// # Errors
///
/// None: it is written to memory first.
pub(super) fn say_summary(tally: &Tally) -> std::io::Result<()> {
    let options = Options {
        clock: from_offset(0),
        reasons: ReasonNames::default(),
        colour: false,
        explain: false,
        stacks: false,
    };
    let mut summary = Vec::new();
    Format::Text
        .renderer(options)
        .summary(tally, &mut summary)?;
    output::say(String::from_utf8_lossy(summary.trim_ascii_end()));
    Ok(())
}
