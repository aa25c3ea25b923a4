//! `--symbols`: names for the stacks of a recording.

use std::{
    path::PathBuf,
    sync::mpsc::{Sender, channel},
    thread,
};

use anyhow::Context as _;

use super::output;
use crate::{
    enrich::stacks::Symbols,
    exit::{Exit, Failure},
    model::{foreign::Foreign, stack::Stack},
    replay::Recorded,
};

/// What is asked of the thread that has the symbols: what reads them must stay on one.
enum Question {
    /// The names of a stack.
    Names(Stack, Sender<Stack>),
    /// The files nothing was found for: build id and path.
    Missing(Sender<Vec<(Foreign, Foreign)>>),
}

/// Directories of symbols, if there are to be any.
#[derive(Clone, Debug, Default)]
pub(super) struct Naming(Option<Sender<Question>>);

impl Naming {
    /// Looks at the directories.
    ///
    /// # Errors
    ///
    /// One cannot be read: exit code 2.
    pub(super) fn open(directories: &[PathBuf]) -> Result<Self, Failure> {
        if directories.is_empty() {
            return Ok(Self(None));
        }
        let directories = directories.to_vec();
        let (questions, asked) = channel();
        let (opened, outcome) = channel();
        thread::Builder::new()
            .name(String::from("symbols"))
            .spawn(move || {
                let mut symbols = match Symbols::open(&directories) {
                    Ok(symbols) => symbols,
                    Err(error) => return drop(opened.send(Err(error))),
                };
                let _ = opened.send(Ok(()));
                // Whoever asked may be gone.
                for question in asked {
                    match question {
                        Question::Names(stack, to) => drop(to.send(symbols.name(stack))),
                        Question::Missing(to) => drop(to.send(symbols.missing())),
                    }
                }
            })?;
        let outcome = outcome.recv().context("the thread of --symbols ended")?;
        outcome.map_err(|error| {
            let hint =
                "--symbols takes a directory with programs, or with .build-id of their debug files";
            Failure::new(Exit::Usage, error, hint)
        })?;
        Ok(Self(Some(questions)))
    }

    /// What a recording says, its stacks named by the files in the directories.
    pub(super) fn recorded(&self) -> Recorded {
        let Some(questions) = self.0.clone() else {
            return Recorded::default();
        };
        Recorded::default().named_by(move |stack| {
            let (to, answer) = channel();
            let as_recorded = stack.clone();
            let _ = questions.send(Question::Names(stack, to));
            answer.recv().unwrap_or(as_recorded)
        })
    }

    /// Says which programs without names have no file in the directories.
    pub(super) fn say_missing(&self) {
        let Some(questions) = &self.0 else { return };
        let (to, answer) = channel();
        let _ = questions.send(Question::Missing(to));
        for (id, module) in answer.recv().unwrap_or_default() {
            output::say(format_args!(
                "finrst: no file of build id {id} in the directories of --symbols: {module} has no names"
            ));
        }
    }
}
