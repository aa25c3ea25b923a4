//! What became of each test, and the report of it.

use std::{collections::BTreeMap, fmt, process::ExitCode};

use super::{
    Way,
    score::{Score, ScoreLine},
    verdicts::{Count, Table, VerdictLine, Verdicts},
};

/// Why a test could not run here; as an error it makes the test skipped instead of failed.
#[derive(Debug)]
pub(crate) struct Skip(pub(crate) String);

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skip {}

/// What became of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It held.
    Passed,
    /// It did not; what was expected and what came, a line each.
    Failed(String),
    /// It could not run here, and why.
    Skipped(String),
}

impl Outcome {
    /// The outcome a test's result stands for.
    pub(crate) fn of(result: anyhow::Result<()>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(error) => match error.downcast::<Skip>() {
                Ok(Skip(reason)) => Self::Skipped(reason),
                Err(error) => Self::Failed(format!("{error:#}")),
            },
        }
    }
}

/// How many tests of a run may fail and be tried again: more than these are no accident.
const FORGIVEN: usize = 3;

/// Prints outcomes as they come and counts them.
#[derive(Debug)]
pub(crate) struct Report {
    /// The way under test.
    way: Way,
    /// Lines for a program instead of people.
    lines: bool,
    /// How many passed.
    passed: u32,
    /// How many of those only when they were tried again.
    unsteady: u32,
    /// The tests that failed when they were run first, and why.
    first: BTreeMap<String, String>,
    /// Whether the tests that failed are tried again now.
    again: bool,
    /// How many failed.
    failed: u32,
    /// How many were skipped.
    skipped: u32,
    /// What was told of owners and actors, by test.
    scores: Vec<(String, Score)>,
    /// What was told of causes.
    verdicts: Verdicts,
}

impl Report {
    /// A report of nothing yet.
    pub(crate) fn new(way: Way, lines: bool) -> Self {
        Self {
            way,
            lines,
            passed: 0,
            unsteady: 0,
            first: BTreeMap::new(),
            again: false,
            failed: 0,
            skipped: 0,
            scores: Vec::new(),
            verdicts: Verdicts::default(),
        }
    }

    /// Takes down what a test's endings told of owners and actors, if there were any.
    pub(crate) fn score(&mut self, name: &str, score: Score) {
        if score != Score::default() {
            self.scores.push((name.to_owned(), score));
        }
    }

    /// Takes down what was told of the causes of a scene. Of one that is to be played again only
    /// what was wrong counts: that stays wrong.
    pub(crate) fn verdicts(&mut self, name: &str, verdicts: Verdicts) {
        let wrong = verdicts.iter().any(|(_, count)| count.wrong > 0);
        if wrong || self.again || !self.first.contains_key(name) {
            self.verdicts += verdicts;
        }
    }

    /// The tests that failed and are to be tried again from now on; none where they are too many.
    ///
    /// What is wrong with finrst fails twice; what this machine did to a test does not. Either way it
    /// is said.
    pub(crate) fn try_again(&mut self) -> Vec<String> {
        self.again = true;
        if self.first.len() > FORGIVEN {
            for (name, reason) in std::mem::take(&mut self.first) {
                self.tell(&name, "failed", &reason);
                self.failed += 1;
            }
        }
        self.first.keys().cloned().collect()
    }

    /// Prints what was told of causes, and judges it: none may be told for another.
    fn close_verdicts(&mut self) {
        let verdicts = std::mem::take(&mut self.verdicts);
        let way = self.way.name();
        if verdicts.iter().next().is_none() {
            return;
        }
        let told_for = |(cause, count): (&str, Count)| format!("{cause}: {} wrong", count.wrong);
        let wrong: Vec<_> = verdicts
            .iter()
            .filter(|(_, count)| count.wrong > 0)
            .map(told_for)
            .collect();
        if self.lines {
            for (cause, count) in verdicts.iter() {
                println!("{}", VerdictLine { way, cause, count });
            }
        } else {
            let mut table = Table::default();
            table.add(way.to_owned(), verdicts);
            println!("{table}\n");
        }
        let outcome = if wrong.is_empty() {
            Outcome::Passed
        } else {
            Outcome::Failed(wrong.join("\n"))
        };
        self.add("score/causes_never_wrong", outcome);
    }

    /// The scores of all tests together.
    fn total(&self) -> Score {
        self.scores.iter().fold(Score::default(), |mut total, it| {
            total += it.1;
            total
        })
    }

    /// Prints the scores, and judges them: no owner may be another than the one there was.
    fn close_scores(&mut self) {
        if self.scores.is_empty() {
            return;
        }
        let total = self.total();
        if self.lines {
            println!("{}", ScoreLine::new(self.way.name(), total));
        } else {
            println!("\n{:32}{}", "", Score::HEADING);
            for (name, score) in &self.scores {
                println!("{name:32}{score}");
            }
            println!("{:32}{total}\n", "together");
        }
        let wrong = self.scores.iter().filter(|it| it.1.owner.wrong > 0);
        let told: Vec<_> = wrong
            .map(|(name, score)| format!("{}: {} wrong", name, score.owner.wrong))
            .collect();
        let outcome = if told.is_empty() {
            Outcome::Passed
        } else {
            Outcome::Failed(told.join("\n"))
        };
        self.add("score/owners_never_wrong", outcome);
    }

    /// Counts one test's outcome and prints it; one that fails is left for [`Self::try_again`].
    pub(crate) fn add(&mut self, name: &str, outcome: Outcome) {
        let before = self.first.remove(name);
        match (outcome, before) {
            (Outcome::Passed, None) => {
                self.passed += 1;
                self.tell(name, "ok", "");
            }
            (Outcome::Passed, Some(reason)) => {
                self.passed += 1;
                self.unsteady += 1;
                self.tell(name, "unsteady", &reason);
            }
            (Outcome::Skipped(reason), _) => {
                self.skipped += 1;
                self.tell(name, "skipped", &reason);
            }
            (Outcome::Failed(reason), None) if !self.again => {
                self.tell(name, "again", &reason);
                self.first.insert(name.to_owned(), reason);
            }
            (Outcome::Failed(reason), _) => {
                self.failed += 1;
                self.tell(name, "failed", &reason);
            }
        }
    }

    fn tell(&self, name: &str, word: &str, reason: &str) {
        if self.lines {
            let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
            let line = format!("lab {} {name} {word} {reason}", self.way.name());
            println!("{}", line.trim_end());
        } else {
            println!("{word:9}{name}");
            for line in reason.lines() {
                println!("          {line}");
            }
        }
    }

    /// Prints the closing line; the exit code says whether everything held.
    pub(crate) fn close(mut self, no_skip: bool) -> ExitCode {
        for (name, reason) in std::mem::take(&mut self.first) {
            self.add(&name, Outcome::Failed(reason));
        }
        self.close_scores();
        self.close_verdicts();
        println!(
            "{} passed ({} when tried again), {} failed, {} skipped",
            self.passed, self.unsteady, self.failed, self.skipped
        );
        let bad = self.failed > 0 || (no_skip && self.skipped > 0);
        ExitCode::from(u8::from(bad))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_is_no_failure_and_an_error_is_no_skip() {
        let skipped = Outcome::of(Err(Skip("no fentry".into()).into()));
        assert_eq!(skipped, Outcome::Skipped("no fentry".into()));
        let failed = Outcome::of(Err(anyhow::anyhow!("no ending")));
        assert_eq!(failed, Outcome::Failed("no ending".into()));
    }
    #[test]
    fn a_test_counts_once_however_often_it_is_tried() {
        let failed = || Outcome::Failed("no ending".into());
        let mut report = Report::new(Way::Auto, true);
        report.add("steady", Outcome::Passed);
        report.add("unsteady", failed());
        report.add("broken", failed());
        assert_eq!(report.try_again(), ["broken", "unsteady"]);
        report.add("unsteady", Outcome::Passed);
        report.add("broken", failed());
        let counted = (report.passed, report.unsteady, report.failed);
        assert_eq!(counted, (2, 1, 1));
    }

    #[test]
    fn many_failures_are_no_accident() {
        let mut report = Report::new(Way::Auto, true);
        for name in ["a", "b", "c", "d"] {
            report.add(name, Outcome::Failed("no ending".into()));
        }
        assert!(report.try_again().is_empty());
        assert_eq!((report.passed, report.failed), (0, 4));
    }
}
