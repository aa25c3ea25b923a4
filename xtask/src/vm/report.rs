//! What the guests said, as a table: kernel, way, and how many tests passed there.

use std::fmt;

use crate::{
    lab::{
        score::{Score, ScoreLine},
        verdicts::{Table, VerdictLine, Verdicts},
    },
    tally::{Skip, Tally, Verdict},
};

/// Everything the guests reported.
#[derive(Debug, Default)]
pub(super) struct Report {
    runs: Vec<Run>,
    missed: Vec<(String, Verdict, String)>,
}

/// One way of attaching inside one kernel.
#[derive(Debug)]
struct Run {
    kernel: String,
    release: String,
    way: String,
    tests: Vec<(String, Verdict, String)>,
    score: Score,
    verdicts: Verdicts,
    ended: bool,
}

/// One line of `xtask lab --lines`: `lab WAY NAME ok|unsteady|failed|skipped REASON`; a test that
/// is to be tried again says `again`, and is not counted yet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LabLine<'line> {
    /// The way of attaching that was forced.
    pub(crate) way: &'line str,
    /// The name of the test.
    pub(crate) name: &'line str,
    /// What became of it.
    pub(crate) verdict: Verdict,
    /// Why it did not pass, or not at once; empty when it did.
    pub(crate) reason: &'line str,
}

impl<'line> LabLine<'line> {
    /// Reads a line; `None` for every other line of a console.
    pub(crate) fn read(line: &'line str) -> Option<Self> {
        let mut words = line.strip_prefix("lab ")?.splitn(4, ' ');
        let (way, name) = (words.next()?, words.next()?);
        let verdict = match words.next()? {
            "ok" => Verdict::Passed,
            "unsteady" => Verdict::Unsteady,
            "failed" => Verdict::Failed,
            "skipped" => Verdict::Skipped,
            _ => return None,
        };
        Some(Self {
            way,
            name,
            verdict,
            reason: words.next().unwrap_or_default(),
        })
    }
}

impl Report {
    /// A kernel is about to run the tests, each way in turn.
    pub(super) fn kernel(&mut self, name: &str, release: &str, ways: &[&str]) {
        self.runs.extend(ways.iter().map(|way| Run {
            kernel: name.to_owned(),
            release: release.to_owned(),
            way: (*way).to_owned(),
            tests: Vec::new(),
            score: Score::default(),
            verdicts: Verdicts::default(),
            ended: false,
        }));
    }

    /// A line of the console of the kernel named last.
    pub(super) fn line(&mut self, line: &str) {
        let Some(kernel) = self.runs.last().map(|run| run.kernel.clone()) else {
            return;
        };
        let runs = self.runs.iter_mut().filter(|run| run.kernel == kernel);
        if let Some(said) = LabLine::read(line) {
            for run in runs.filter(|run| run.way == said.way) {
                run.tests
                    .push((said.name.to_owned(), said.verdict, said.reason.to_owned()));
            }
        } else if let Some(said) = ScoreLine::read(line) {
            for run in runs.filter(|run| run.way == said.way) {
                run.score += said.score;
            }
        } else if let Some(said) = VerdictLine::read(line) {
            for run in runs.filter(|run| run.way == said.way) {
                run.verdicts.add(said.cause, said.count);
            }
        } else if let Some(rest) = line.strip_prefix("vm way ") {
            for run in runs.filter(|run| rest.split(' ').next() == Some(&run.way)) {
                run.ended = true;
            }
        }
    }

    /// A kernel ended before it was up, and is booted again.
    pub(super) fn booted_in_vain(&mut self, name: &str, last: &str) {
        let reason = format!("booted again, for it ended before it was up; it said last: {last}");
        eprintln!("{name}: {reason}");
        self.missed
            .push((name.to_owned(), Verdict::Unsteady, reason));
    }

    /// The kernel named last has powered off, `last` being the last it said: tests it did not
    /// speak of count as failed.
    pub(super) fn kernel_ended(&mut self, last: &str) {
        for run in self
            .runs
            .iter_mut()
            .filter(|run| !run.ended || run.tests.is_empty())
        {
            let reason = if run.ended {
                "ran no test".to_owned()
            } else {
                format!("ended before its tests did; it said last: {last}")
            };
            run.ended = true;
            run.tests
                .push(("every test".to_owned(), Verdict::Failed, reason));
        }
    }

    /// A kernel could not run the tests, or not to their end.
    pub(super) fn kernel_missed(&mut self, name: &str, error: &anyhow::Error) {
        eprintln!("{name}: {error:#}");
        let verdict = if error.is::<Skip>() {
            Verdict::Skipped
        } else {
            Verdict::Failed
        };
        self.missed
            .push((name.to_owned(), verdict, format!("{error:#}")));
        self.runs.iter_mut().for_each(|run| run.ended = true);
    }

    /// Takes over what another report holds.
    pub(super) fn merge(&mut self, other: Self) {
        self.runs.extend(other.runs);
        self.missed.extend(other.missed);
    }

    /// The scores of the owners and actors told, each named by its kernel and way.
    pub(super) fn scores(&self) -> impl Iterator<Item = (String, Score)> {
        let row = |run: &Run| (format!("{} {}", run.release, run.way), run.score);
        self.runs.iter().map(row)
    }

    /// The verdicts of each kernel and way, each by its short name.
    pub(super) fn verdicts(self) -> impl Iterator<Item = (String, Verdicts)> {
        let column = |run: Run| (Table::column(&run.release, &run.way), run.verdicts);
        self.runs.into_iter().map(column)
    }

    /// Counts everything.
    pub(super) fn count(&self, tally: &mut Tally) {
        for run in &self.runs {
            for (test, verdict, reason) in &run.tests {
                tally.add(
                    &format!("{} {} {test}", run.kernel, run.way),
                    *verdict,
                    reason,
                );
            }
        }
        for (kernel, verdict, reason) in &self.missed {
            tally.add(&format!("kernel {kernel}"), *verdict, reason);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:36} {:10} {:>7} {:>7} {:>7}",
            "kernel", "way", "passed", "failed", "skipped"
        )?;
        for run in &self.runs {
            let count = |wanted: &[Verdict]| {
                let told = run.tests.iter().map(|(_, verdict, _)| verdict);
                told.filter(|verdict| wanted.contains(verdict)).count()
            };
            let kernel = format!("{} ({})", run.kernel, run.release);
            let passed = count(&[Verdict::Passed, Verdict::Unsteady]);
            let [failed, skipped] = [Verdict::Failed, Verdict::Skipped].map(|it| count(&[it]));
            writeln!(
                out,
                "{kernel:36} {:10} {passed:>7} {failed:>7} {skipped:>7}",
                run.way
            )?;
        }
        for (kernel, verdict, reason) in &self.missed {
            writeln!(out, "{kernel:36} {verdict:?}: {reason}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closing(report: &Report) -> String {
        let mut tally = Tally::default();
        report.count(&mut tally);
        tally.to_string()
    }

    #[test]
    fn lines_of_tests_are_counted_under_their_way() {
        let mut report = Report::default();
        report.kernel("5.10", "5.10.0-43-cloud-amd64", &["fentry", "kprobe"]);
        for line in [
            "vm kernel 5.10.0-43-cloud-amd64",
            "lab fentry scene/app_close ok",
            "lab fentry scene/linger_zero failed cause is unknown",
            "vm way fentry ended with 1",
            "lab kprobe scene/app_close skipped no kprobes",
            "vm way kprobe ended with 0",
        ] {
            report.line(line);
        }
        report.kernel_ended("Kernel panic - not syncing");
        assert_eq!(closing(&report), "1 passed, 1 failed, 1 skipped");
        let table = report.to_string();
        assert!(
            table.contains("fentry           1       1       0"),
            "{table}"
        );
    }

    #[test]
    fn scores_are_kept_under_their_way() {
        let mut report = Report::default();
        report.kernel("5.10", "5.10.0-43-cloud-amd64", &["fentry", "kprobe"]);
        report.line("score kprobe owner 70 0 2 likely 3 0 0 actor 71 1 0 joined 9 0 1");
        let scores: Vec<_> = report.scores().collect();
        assert_eq!(scores[0].1, Score::default());
        assert_eq!(scores[1].0, "5.10.0-43-cloud-amd64 kprobe");
        assert_eq!(scores[1].1.owner.right, 70);
        assert_eq!(scores[1].1.actor.wrong, 1);
        assert_eq!(scores[1].1.joined.unknown, 1);
    }

    #[test]
    fn a_guest_that_dies_fails_the_ways_it_owed() {
        let mut report = Report::default();
        report.kernel("6.1", "6.1.0-56-cloud-amd64", &["fentry", "kprobe"]);
        report.line("lab fentry scene/app_close ok");
        report.line("Kernel panic - not syncing");
        report.kernel_ended("Kernel panic - not syncing");
        assert_eq!(closing(&report), "1 passed, 2 failed, 0 skipped");
    }

    #[test]
    fn a_kernel_booted_again_is_unsteady() {
        let mut report = Report::default();
        report.kernel("6.1", "6.1.0-56-cloud-amd64", &["fentry"]);
        report.booted_in_vain("6.1", "Kernel panic - not syncing");
        report.line("lab fentry scene/app_close ok");
        report.line("vm way fentry ended with 0");
        report.kernel_ended("reboot: Power down");
        assert_eq!(
            closing(&report),
            "2 passed (1 when tried again), 0 failed, 0 skipped"
        );
    }

    #[test]
    fn a_kernel_that_cannot_be_fetched_is_skipped_with_its_reason() {
        let mut report = Report::default();
        report.kernel_missed("5.10", &Skip("no mirror".to_owned()).into());
        assert_eq!(closing(&report), "0 passed, 0 failed, 1 skipped");
        assert!(report.to_string().contains("no mirror"));
    }

    #[test]
    fn other_lines_are_no_tests() {
        for line in [
            "",
            "lab",
            "lab fentry",
            "lab fentry x again no ending",
            "lab fentry x maybe",
            "label fentry x ok",
        ] {
            assert_eq!(LabLine::read(line), None, "{line}");
        }
    }
}
