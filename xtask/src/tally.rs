//! What became of each test and step, and the closing line of it.

use std::{fmt, process::ExitCode, sync::LazyLock, time::Instant};

use crate::lab::{
    score::Score,
    verdicts::{Table, Verdicts},
};

/// Why something could not be run here; as an error it makes a step skipped instead of failed.
#[derive(Debug)]
pub(crate) struct Skip(pub(crate) String);

impl fmt::Display for Skip {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

/// Says what begins now, and how many minutes and seconds after the first of them.
#[expect(
    clippy::disallowed_methods,
    reason = "it is shown, and nothing depends on it"
)]
pub(crate) fn heading(name: &str) {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let seconds = BEGAN.elapsed().as_secs();
    eprintln!("\n== {name} ({}:{:02})", seconds / 60, seconds % 60);
}

/// What became of one test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It held.
    Passed,
    /// It held only when it was tried again.
    Unsteady,
    /// It did not hold.
    Failed,
    /// It could not be run here.
    Skipped,
}

/// Counts, and the names and reasons of all that did not pass.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: u32,
    unsteady: Vec<String>,
    failed: Vec<String>,
    skipped: Vec<String>,
    scores: Vec<(String, Score)>,
    causes: Table,
}

impl Tally {
    /// Keeps the score of a run of the kernel tests for the table at the end.
    pub(crate) fn score(&mut self, name: String, score: Score) {
        self.scores.push((name, score));
    }

    /// Keeps the verdicts of a run of the kernel tests for the table at the end.
    pub(crate) fn verdicts(&mut self, name: String, verdicts: Verdicts) {
        self.causes.add(name, verdicts);
    }

    /// The scores of the runs of the kernel tests, each by its kernel and way.
    pub(crate) fn scores(&self) -> &[(String, Score)] {
        &self.scores
    }

    /// What was told of causes, kernel by kernel and way by way.
    pub(crate) fn causes(&self) -> &Table {
        &self.causes
    }

    /// Prints how many owners and actors were told right, run by run.
    fn print_scores(&self) {
        if self.scores.is_empty() {
            return;
        }
        println!("\n{:48}{}", "", Score::HEADING);
        for (name, score) in &self.scores {
            println!("{name:48}{score}");
        }
        let mut together = Score::default();
        for (_, score) in &self.scores {
            together += *score;
        }
        println!("{:48}{together}", "together");
    }

    /// Prints what was told of causes.
    fn print_causes(&self) {
        if !self.causes.is_empty() {
            println!("\n{}", self.causes);
        }
    }

    /// Counts one test; `reason` is shown unless it passed.
    pub(crate) fn add(&mut self, name: &str, verdict: Verdict, reason: &str) {
        let told = if reason.is_empty() {
            name.to_owned()
        } else {
            format!("{name}: {reason}")
        };
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Unsteady => {
                self.passed += 1;
                self.unsteady.push(told);
            }
            Verdict::Failed => self.failed.push(told),
            Verdict::Skipped => self.skipped.push(told),
        }
    }

    /// Runs one step and counts what became of it, saying so at once.
    pub(crate) fn step(&mut self, name: &str, step: impl FnOnce() -> anyhow::Result<()>) {
        heading(name);
        match step() {
            Ok(()) => self.add(name, Verdict::Passed, ""),
            Err(error) => {
                eprintln!("{name}: {error:#}");
                let verdict = if error.is::<Skip>() {
                    Verdict::Skipped
                } else {
                    Verdict::Failed
                };
                self.add(name, verdict, &format!("{error:#}"));
            }
        }
    }

    /// Names what did not pass, then prints the closing line; the exit code says whether all held.
    ///
    /// With `no_skip`, something skipped is as bad as something failed.
    pub(crate) fn close(self, no_skip: bool) -> ExitCode {
        self.print_scores();
        self.print_causes();
        println!();
        let lists = [
            ("unsteady", &self.unsteady),
            ("failed", &self.failed),
            ("skipped", &self.skipped),
        ];
        for (word, list) in lists {
            for told in list {
                println!("{word:8} {told}");
            }
        }
        println!("{self}");
        ExitCode::from(u8::from(self.is_bad(no_skip)))
    }

    fn is_bad(&self, no_skip: bool) -> bool {
        !self.failed.is_empty() || (no_skip && !self.skipped.is_empty())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failed, skipped) = (self.failed.len(), self.skipped.len());
        write!(out, "{} passed", self.passed)?;
        if !self.unsteady.is_empty() {
            write!(out, " ({} when tried again)", self.unsteady.len())?;
        }
        write!(out, ", {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_is_bad_only_where_none_is_allowed() {
        let mut tally = Tally::default();
        tally.step("kernel", || Err(Skip("no mirror".to_owned()).into()));
        assert_eq!(tally.to_string(), "0 passed, 0 failed, 1 skipped");
        assert!(!tally.is_bad(false));
        assert!(tally.is_bad(true));
    }

    #[test]
    fn an_error_that_is_no_skip_is_a_failure_everywhere() {
        let mut tally = Tally::default();
        tally.step("format", || anyhow::bail!("not formatted"));
        tally.step("lints", || Ok(()));
        assert_eq!(tally.to_string(), "1 passed, 1 failed, 0 skipped");
        assert!(tally.is_bad(false));
    }

    #[test]
    fn what_held_only_when_tried_again_is_told_and_holds() {
        let mut tally = Tally::default();
        tally.add("scene/x", Verdict::Unsteady, "no ending");
        tally.add("scene/y", Verdict::Passed, "");
        assert_eq!(
            tally.to_string(),
            "2 passed (1 when tried again), 0 failed, 0 skipped"
        );
        assert!(!tally.is_bad(true));
    }

    #[test]
    fn a_skip_with_context_is_still_a_skip() {
        let mut tally = Tally::default();
        let skip = anyhow::Error::from(Skip("no mirror".to_owned()));
        tally.step("kernel", || Err(skip.context("cannot fetch 5.10")));
        assert_eq!(tally.to_string(), "0 passed, 0 failed, 1 skipped");
    }
}
