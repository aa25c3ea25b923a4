//! A report as a few screens of text.

use std::{
    collections::BTreeSet,
    fmt::Display,
    io::{self, Write},
};

use anstyle::Style;

use super::super::{
    Explained, Format, Options, Render, Start,
    latency::table::{Table, bars},
    text::{account, row::Row},
    time::{WallClock, human},
};
use crate::{
    latency::spread::float,
    model::{alignment::Alignment, cause::Cause, clock::Sample, time::MonoNs},
    report::{Counts, Gathered, ranking::Ranking},
    tally::Tally,
};

mod sequence;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const PLAIN: Style = Style::new();

/// Widths of the columns, and how many stretches of time are shown.
const NAME: usize = 44;
const NUMBER: usize = 9;
const STRETCHES: u64 = 60;
/// Owners, peers and places in code that are named.
const NAMED: usize = 8;

/// Writes text.
pub(super) struct Text {
    name: String,
    clock: WallClock,
    row: Row,
    latencies: Table,
    /// Tells examples, and how captures were aligned.
    lines: Box<dyn Render>,
    /// The first ending of each cause.
    examples: Vec<u8>,
    shown: BTreeSet<Cause>,
    alignments: Vec<u8>,
    about: String,
    began: MonoNs,
}

impl Text {
    pub(super) fn new(name: &str, options: Options) -> Self {
        let options = Options {
            explain: true,
            stacks: false,
            ..options
        };
        Self {
            name: name.to_owned(),
            clock: options.clock.clone(),
            row: Row::new(options.colour),
            latencies: Table::new(options.clone()),
            lines: Format::Text.renderer(options),
            examples: Vec::new(),
            shown: BTreeSet::new(),
            alignments: Vec::new(),
            about: String::new(),
            began: MonoNs(0),
        }
    }

    pub(super) fn clock(&mut self, sample: &Sample) {
        self.clock.learn(sample);
        self.lines.clock(sample);
    }

    pub(super) fn start(&mut self, start: &Start<'_>) {
        let kernel = start.kernel.unwrap_or("unknown");
        self.about = format!(
            "finrst {}, Linux {kernel}, {}",
            start.version, start.machine
        );
        self.began = start.at;
    }

    pub(super) fn alignment(&mut self, alignment: &Alignment, at: MonoNs) -> io::Result<()> {
        self.lines.alignment(alignment, at, &mut self.alignments)
    }

    pub(super) fn ending(&mut self, explained: &Explained<'_>) -> io::Result<()> {
        let cause = explained.ending.decisive().map(|act| act.cause);
        if cause.is_some_and(|cause| self.shown.insert(cause)) {
            if !self.examples.is_empty() {
                self.examples.push(b'\n');
            }
            self.lines.ending(explained, &mut self.examples)?;
            sequence::write(explained, &mut self.examples)?;
        }
        Ok(())
    }

    pub(super) fn summary(
        &mut self,
        gathered: &Gathered,
        tally: &Tally,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.head(gathered, tally, out)?;
        self.causes(gathered, out)?;
        if !gathered.latencies.groups().is_empty() {
            self.title("LATENCIES", out)?;
            self.latencies.write(&gathered.latencies, None, out)?;
        }
        self.ranking("OWNER", &gathered.owners, out)?;
        self.ranking("PEER", &gathered.peers, out)?;
        self.ranking("CODE", &gathered.code, out)?;
        if !self.examples.is_empty() {
            self.title("THE FIRST OF EACH CAUSE", out)?;
            out.write_all(&self.examples)?;
        }
        Ok(())
    }

    fn head(&mut self, gathered: &Gathered, tally: &Tally, out: &mut dyn Write) -> io::Result<()> {
        self.row.cell(0, BOLD, &self.name);
        self.row.finish(out)?;
        writeln!(out, "{}", self.about)?;
        let (from, until) = (self.clock.date(self.began), self.clock.date(tally.at));
        let took = human(tally.at.since(self.began));
        writeln!(out, "{from} to {until}, {took}\n")?;
        let Counts {
            endings,
            reset,
            leaked,
        } = gathered.all;
        let share = |part| percent(part, endings);
        writeln!(
            out,
            "{endings} endings, {} by RST, {} leaked",
            share(reset),
            share(leaked)
        )?;
        writeln!(
            out,
            "{} records emitted = {} received + {} lost",
            tally.emitted.total(),
            tally.received_total(),
            tally.lost.total()
        )?;
        account(tally, out)?;
        out.write_all(&self.alignments)
    }

    fn causes(&mut self, gathered: &Gathered, out: &mut dyn Write) -> io::Result<()> {
        let timeline = gathered.timeline.coarser(STRETCHES);
        self.title("", out)?;
        self.row.cell(NAME, BOLD, "CAUSE");
        self.row.right(NUMBER, BOLD, "ENDINGS");
        self.row.right(NUMBER, BOLD, "SHARE");
        let width = human(timeline.width_ns());
        self.row
            .cell(0, BOLD, format_args!("OVER TIME, {width} EACH"));
        self.row.finish(out)?;
        for (cause, counts) in gathered.causes() {
            self.row.cell(NAME, PLAIN, cause);
            self.row.right(NUMBER, PLAIN, counts.endings);
            self.row
                .right(NUMBER, PLAIN, percent(counts.endings, gathered.all.endings));
            self.row.cell(0, PLAIN, bars(&timeline.of(cause)));
            self.row.finish(out)?;
        }
        Ok(())
    }

    fn ranking<K: Ord + Display>(
        &mut self,
        of: &str,
        ranking: &Ranking<K>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let first = ranking.first(NAMED);
        if first.is_empty() {
            return Ok(());
        }
        self.title("", out)?;
        self.row.cell(NAME, BOLD, of);
        for name in ["ENDINGS", "BY RST", "LEAKED"] {
            self.row.right(NUMBER, BOLD, name);
        }
        self.row.finish(out)?;
        for (key, counts) in &first {
            self.row.cell(NAME, PLAIN, key);
            self.row.right(NUMBER, PLAIN, counts.endings);
            self.row
                .right(NUMBER, PLAIN, percent(counts.reset, counts.endings));
            self.row
                .right(NUMBER, PLAIN, percent(counts.leaked, counts.endings));
            self.row.finish(out)?;
        }
        let more = ranking.keys() - first.len();
        if more > 0 {
            self.row.cell(0, DIM, format_args!("and {more} more"));
            self.row.finish(out)?;
        }
        Ok(())
    }

    /// An empty line, and what comes after it if that is to be said.
    fn title(&mut self, title: &str, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"\n")?;
        if title.is_empty() {
            return Ok(());
        }
        self.row.cell(0, BOLD, title);
        self.row.finish(out)
    }
}

fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * float(part) / float(whole.max(1)))
}
