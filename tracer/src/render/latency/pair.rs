//! The endings of two processes, held against each other when the run ends.

use std::io::{self, Write};

use super::{Form, difference, table::Table};
use crate::{
    latency::{Group, Latencies, difference::differences, group::By},
    model::{clock::Sample, ending::Ending},
    render::{Explained, Format, Options, Render, Start, json::Json},
    tally::{Lost, Tally},
};

/// One of the two.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its id.
    pub pid: u32,
    /// What it is called.
    pub name: String,
}

/// Gathers the endings of two processes apart, and tells how they differ.
pub struct Pair {
    subjects: [Subject; 2],
    of: [Latencies; 2],
    form: Form,
    colour: bool,
}

impl Pair {
    /// Nothing yet.
    #[must_use]
    pub fn new(format: Format, subjects: [Subject; 2], options: Options) -> Self {
        Self {
            subjects,
            of: [Latencies::new(By::All), Latencies::new(By::All)],
            colour: options.colour,
            form: match format {
                Format::Json => Form::Lines(Json::new(options)),
                Format::Text | Format::Pcapng => Form::Table(Table::new(options)),
            },
        }
    }

    /// The ids of the two.
    #[must_use]
    pub fn pids(&self) -> [u32; 2] {
        self.subjects.each_ref().map(|it| it.pid)
    }

    /// Takes over what was gathered of each elsewhere, to be told with the summary.
    pub fn gathered(&mut self, of: [Latencies; 2]) {
        self.of = of;
    }

    fn take(&mut self, ending: &Ending) {
        let Some(owner) = ending.owner else { return };
        let mut both = self.subjects.iter().zip(&mut self.of);
        if let Some((_, latencies)) = both.find(|(it, _)| it.pid == owner.task.pid) {
            latencies.add(ending, None);
        }
    }
}

fn all(latencies: &Latencies) -> Group {
    let groups = latencies.groups();
    let group = groups.first().map(|(_, group)| (*group).clone());
    group.unwrap_or_default()
}

impl Render for Pair {
    fn clock(&mut self, sample: &Sample) {
        self.form.clock(sample);
    }

    fn start(&mut self, start: &Start<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.form.start(start, out)
    }

    fn ending(&mut self, explained: &Explained<'_>, _out: &mut dyn Write) -> io::Result<()> {
        self.take(explained.ending);
        Ok(())
    }

    fn lost(&mut self, lost: &Lost, out: &mut dyn Write) -> io::Result<()> {
        self.form.lost(lost, out)
    }

    fn summary(&mut self, tally: &Tally, out: &mut dyn Write) -> io::Result<()> {
        let [before, after] = &self.subjects;
        let names = (&*before.name, &*after.name);
        let [first, second] = self.of.each_ref().map(all);
        let differences = differences(&first, &second);
        match &mut self.form {
            Form::Table(_) => difference::table(self.colour, names, &differences, out),
            Form::Lines(json) => {
                difference::line_of(json, names, tally.at, &differences, out)?;
                json.summary(tally, out)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::{bare, contract::complaint, options, samples};

    fn told(format: Format, pids: [u32; 2]) -> String {
        let subjects = pids.map(|pid| Subject {
            pid,
            name: format!("some[{pid}]"),
        });
        let mut pair = Pair::new(format, subjects, options());
        let mut out = Vec::new();
        pair.start(&samples::start(), &mut out).unwrap();
        for (ending, explanation) in &samples::endings() {
            pair.ending(&bare(ending, explanation), &mut out).unwrap();
        }
        pair.summary(&samples::tally(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The owners of the samples, those of most endings first.
    fn owners() -> Vec<u32> {
        let mut owners: Vec<u32> = Vec::new();
        for (ending, _) in &samples::endings() {
            let owner = ending.owner.map(|it| it.task.pid);
            owners.extend(owner.filter(|pid| !owners.contains(pid)));
        }
        owners
    }

    #[test]
    fn each_process_has_its_own_endings_and_no_others() {
        let owners = owners();
        let [first, second, ..] = *owners else {
            panic!("the samples are all of one");
        };
        let text = told(Format::Text, [first, second]);
        assert!(text.starts_with(&format!("A: some[{first}], ")), "{text}");
        let of_nobody = told(Format::Text, [first, u32::MAX]);
        assert!(
            of_nobody
                .contains("B: some[4294967295], 0 endings\nnothing to compare: B had no ending\n"),
            "{of_nobody}"
        );
    }

    #[test]
    fn every_line_for_programs_is_by_the_schema() {
        for pids in [[owners()[0], owners()[1]], [u32::MAX, 1]] {
            let lines = told(Format::Json, pids);
            assert_eq!(lines.lines().count(), 3, "{lines}");
            for line in lines.lines() {
                let line = serde_json::from_str(line).unwrap();
                assert_eq!(complaint(&line), None, "{line}");
            }
        }
    }
}
