//! What became of each test, and the report of it.

use std::{fmt, process::ExitCode};

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

/// Prints outcomes as they come and counts them.
#[derive(Debug)]
pub(crate) struct Report {
    /// The way under test.
    way: Way,
    /// Lines for a program instead of people.
    lines: bool,
    /// How many passed.
    passed: u32,
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

    /// Takes down what was told of the causes of a scene.
    pub(crate) fn verdicts(&mut self, verdicts: Verdicts) {
        self.verdicts += verdicts;
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

    /// Prints one test's outcome.
    pub(crate) fn add(&mut self, name: &str, outcome: Outcome) {
        let (word, count, reason) = match outcome {
            Outcome::Passed => ("ok", &mut self.passed, String::new()),
            Outcome::Failed(reason) => ("failed", &mut self.failed, reason),
            Outcome::Skipped(reason) => ("skipped", &mut self.skipped, reason),
        };
        *count += 1;
        if self.lines {
            let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
            let line = format!("lab {} {name} {word} {reason}", self.way.name());
            println!("{}", line.trim_end());
        } else {
            println!("{word:8}{name}");
            for line in reason.lines() {
                println!("          {line}");
            }
        }
    }

    /// Prints the closing line; the exit code says whether everything held.
    pub(crate) fn close(mut self, no_skip: bool) -> ExitCode {
        self.close_scores();
        self.close_verdicts();
        println!(
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
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
}
