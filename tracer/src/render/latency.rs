//! Tells how long the phases of endings took, instead of the endings: at the end, and after every
//! interval if asked.

use std::io::{self, Write};

use super::{Explained, Format, Options, Render, Start, json::Json};
use crate::{
    latency::{Latencies, group::By},
    model::{alignment::Alignment, clock::Sample, time::MonoNs},
    tally::{Lost, Tally},
};

pub mod difference;
mod lines;
pub mod pair;
mod plot;
pub(super) mod table;
#[cfg(test)]
mod tests;

/// What is told, and when.
#[derive(Debug)]
pub struct Telling {
    /// What is told apart.
    pub by: By,
    /// After how many nanoseconds what came meanwhile is told; `None` for the end alone.
    pub interval_ns: Option<u64>,
    /// Where the curves of all endings go at the end, as SVG.
    pub plot: Option<Box<dyn PlotFile>>,
}

/// What an SVG can be written to.
pub trait PlotFile: Write + Send + std::fmt::Debug {}

impl<T: Write + Send + std::fmt::Debug> PlotFile for T {}

/// Gathers endings, and tells of them together.
pub struct Latency {
    all: Latencies,
    /// Those since the last word; `None` where only the end is told.
    since: Option<Latencies>,
    interval_ns: u64,
    /// When the interval under way ends; `None` before the first.
    next: Option<MonoNs>,
    plot: Option<Box<dyn PlotFile>>,
    form: Form,
}

/// How it is written.
enum Form {
    /// For people.
    Table(table::Table),
    /// For programs.
    Lines(Json),
}

impl Form {
    fn clock(&mut self, sample: &Sample) {
        match self {
            Self::Table(table) => table.clock(sample),
            Self::Lines(json) => json.clock(sample),
        }
    }

    fn start(&mut self, start: &Start<'_>, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Table(_) => Ok(()),
            Self::Lines(json) => json.start(start, out),
        }
    }

    fn lost(&mut self, lost: &Lost, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Table(table) => table.lost(lost, out),
            Self::Lines(json) => json.lost(lost, out),
        }
    }
}

impl Latency {
    /// Nothing yet.
    #[must_use]
    pub fn new(format: Format, telling: Telling, options: Options) -> Self {
        let Telling {
            by,
            interval_ns,
            plot,
        } = telling;
        Self {
            all: Latencies::new(by),
            since: interval_ns.map(|_| Latencies::new(by)),
            interval_ns: interval_ns.unwrap_or(0),
            next: None,
            plot,
            form: match format {
                Format::Json => Form::Lines(Json::new(options)),
                Format::Text | Format::Pcapng => Form::Table(table::Table::new(options)),
            },
        }
    }

    /// Takes over what was gathered elsewhere, to be told with the summary.
    pub fn gathered(&mut self, all: Latencies) {
        self.all = all;
    }

    /// Tells what was gathered elsewhere in an interval.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn interval(
        &mut self,
        latencies: &Latencies,
        (from, until): (MonoNs, MonoNs),
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if latencies.groups().is_empty() {
            return Ok(());
        }
        match &mut self.form {
            Form::Table(table) => table.write(latencies, Some((from, until)), out),
            Form::Lines(json) => lines::write(json, latencies, (Some(from), until), out),
        }
    }

    fn tell_since(&mut self, until: MonoNs, out: &mut dyn Write) -> io::Result<()> {
        let Some(since) = &mut self.since else {
            return Ok(());
        };
        let since = since.take();
        self.interval(&since, (until.before(self.interval_ns), until), out)
    }
}

impl Render for Latency {
    fn clock(&mut self, sample: &Sample) {
        self.form.clock(sample);
    }

    fn reached(&mut self, at: MonoNs, out: &mut dyn Write) -> io::Result<()> {
        // Of what is asked for every so often: the ends of intervals are the same for whoever tells
        // the run again.
        let Some(past) = at.0.checked_div(self.interval_ns) else {
            return Ok(());
        };
        let ended = MonoNs(past * self.interval_ns);
        let next = self.next.replace(ended.after(self.interval_ns));
        match next {
            Some(next) if next <= ended => self.tell_since(next, out),
            Some(_) | None => Ok(()),
        }
    }

    fn start(&mut self, start: &Start<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.form.start(start, out)
    }

    fn alignment(
        &mut self,
        alignment: &Alignment,
        at: MonoNs,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match &mut self.form {
            Form::Table(_) => Ok(()),
            Form::Lines(json) => json.alignment(alignment, at, out),
        }
    }

    fn ending(&mut self, explained: &Explained<'_>, _out: &mut dyn Write) -> io::Result<()> {
        let by_code = self.all.by() == By::Function;
        let code = by_code.then(|| explained.code()).flatten();
        self.all.add(explained.ending, code.as_deref());
        if let Some(since) = &mut self.since {
            since.add(explained.ending, code.as_deref());
        }
        Ok(())
    }

    fn lost(&mut self, lost: &Lost, out: &mut dyn Write) -> io::Result<()> {
        self.form.lost(lost, out)
    }

    fn summary(&mut self, tally: &Tally, out: &mut dyn Write) -> io::Result<()> {
        self.tell_since(self.next.unwrap_or(tally.at), out)?;
        match &mut self.form {
            Form::Table(table) => table.write(&self.all, None, out)?,
            Form::Lines(json) => {
                lines::write(json, &self.all, (None, tally.at), out)?;
                json.summary(tally, out)?;
            }
        }
        match &mut self.plot {
            Some(file) => plot::write(&self.all, file),
            None => Ok(()),
        }
    }
}
