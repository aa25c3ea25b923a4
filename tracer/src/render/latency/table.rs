//! Latencies as tables for people.

use std::{
    fmt,
    io::{self, Write},
};

use anstyle::Style;

use crate::{
    latency::{
        Group, Latencies,
        spread::{Spread, float},
    },
    model::{clock::Sample, time::MonoNs},
    render::{
        Options,
        text::row::Row,
        time::{WallClock, human},
    },
    tally::Lost,
};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const PLAIN: Style = Style::new();

/// Width of the column of phases, and of each number.
const PHASE: usize = 13;
const NUMBER: usize = 8;

/// Where the bars begin, and how many there are: nine decades, three to each.
const SHORTEST_NS: u64 = 100;
const BARS: usize = 27;
/// The cube root of ten.
const RATIO: f64 = 2.154_434_690_031_884;
/// The scale above the bars: each name stands where its duration begins.
const SCALE: &str = "100ns 10µs  1ms   100ms 10s";
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Writes tables.
pub(in crate::render) struct Table {
    clock: WallClock,
    row: Row,
    /// Whether something was written before.
    begun: bool,
}

impl Table {
    pub(in crate::render) fn new(options: Options) -> Self {
        Self {
            clock: options.clock,
            row: Row::new(options.colour),
            begun: false,
        }
    }

    pub(super) fn clock(&mut self, sample: &Sample) {
        self.clock.learn(sample);
    }

    pub(super) fn lost(&mut self, lost: &Lost, out: &mut dyn Write) -> io::Result<()> {
        let what = format_args!("{} records were lost", lost.records.total());
        self.row.cell(0, BOLD, what);
        self.row.finish(out)
    }

    /// Writes the groups of an interval, or those of the whole run.
    pub(in crate::render) fn write(
        &mut self,
        latencies: &Latencies,
        during: Option<(MonoNs, MonoNs)>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if let Some((from, until)) = during {
            let (from, until) = (self.clock.time_of_day(from), self.clock.time_of_day(until));
            self.head(format_args!("{from} to {until}"), out)?;
        } else if self.begun {
            self.head(format_args!("the whole run"), out)?;
        }
        for (key, group) in latencies.groups() {
            self.gap(out)?;
            self.row
                .cell(0, BOLD, format_args!("{key}: {}", head(group)));
            self.row.finish(out)?;
            self.phases(group, out)?;
        }
        if latencies.refused() > 0 {
            self.gap(out)?;
            let what = "endings of more groups than are told apart";
            let line = format_args!("{} {what}", latencies.refused());
            self.row.cell(0, PLAIN, line);
            self.row.finish(out)?;
        }
        self.begun = true;
        Ok(())
    }

    /// What the groups below it are of.
    fn head(&mut self, what: fmt::Arguments<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.gap(out)?;
        self.row.cell(0, BOLD, what);
        self.row.finish(out)?;
        self.begun = false;
        Ok(())
    }

    /// An empty line between things.
    fn gap(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn phases(&mut self, group: &Group, out: &mut dyn Write) -> io::Result<()> {
        if group.phases().next().is_none() {
            return Ok(());
        }
        self.row.cell(PHASE, DIM, "PHASE");
        for name in ["COUNT", "AVG", "P50", "P90", "P99", "P99.9", "MAX"] {
            self.row.right(NUMBER, DIM, name);
        }
        self.row.cell(BARS, DIM, SCALE);
        self.row.finish(out)?;
        for (phase, spread) in group.phases() {
            let row = &mut self.row;
            row.cell(PHASE, PLAIN, phase.name());
            row.right(NUMBER, PLAIN, spread.count());
            row.right(NUMBER, PLAIN, human(spread.mean()));
            for share in [0.5, 0.9, 0.99, 0.999] {
                row.right(NUMBER, PLAIN, human(spread.quantile(share)));
            }
            row.right(NUMBER, PLAIN, human(spread.max()));
            row.cell(BARS, PLAIN, durations(spread));
            row.finish(out)?;
        }
        Ok(())
    }
}

/// What is said of a group besides its phases.
fn head(group: &Group) -> String {
    let share = |part: u64| 100.0 * float(part) / float(group.endings.max(1));
    let plural = if group.endings == 1 { "" } else { "s" };
    format!(
        "{} ending{plural}, {:.1} % by RST, {:.1} % leaked",
        group.endings,
        share(group.reset),
        share(group.leaked)
    )
}

/// How often durations of each size are, the most frequent highest; none is blank.
fn durations(spread: &Spread) -> String {
    bars(&spread.stretches(SHORTEST_NS, RATIO, BARS))
}

/// Counts side by side, the largest highest; none is blank.
pub(in crate::render) fn bars(counts: &[u64]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0);
    let bar = |&count: &u64| {
        let eighth = (count * 8).div_ceil(most.max(1)).saturating_sub(1);
        let block = usize::try_from(eighth).ok().and_then(|it| BLOCKS.get(it));
        if count == 0 {
            ' '
        } else {
            *block.unwrap_or(&'█')
        }
    };
    let bars: String = counts.iter().map(bar).collect();
    bars.trim_end().to_owned()
}
