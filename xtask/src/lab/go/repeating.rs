//! A program that closes one connection after the other, until it is seen enough of: what finrst has
//! to find out about an executable is found out then.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use super::{Expected, judge};
use crate::lab::{Lab, told::Ending, tracer::Tracer};

/// The program, and what it says of itself; it goes with its value.
#[derive(Debug)]
pub(super) struct Repeating {
    program: Child,
    expected: Expected,
}

impl Repeating {
    /// Starts it.
    pub(super) fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut program = command.arg("repeat").stdout(Stdio::piped()).spawn()?;
        let said = program.stdout.take().context("stdout is piped")?;
        let mut line = String::new();
        // What it says later finds no reader, and ends it at the worst.
        BufReader::new(said).read_line(&mut line)?;
        let expected = serde_json::from_str(&line);
        let mut repeating = Self {
            program,
            expected: Expected::default(),
        };
        repeating.expected = expected.with_context(|| format!("the program said {line:?}"))?;
        Ok(repeating)
    }

    /// Waits until it is told who asked for one of its closes, and where.
    pub(super) fn until_told(&self, lab: &Lab, tracer: &mut Tracer) -> anyhow::Result<()> {
        let expected = &self.expected;
        let meant = (Some(expected.asker), Some(expected.place.clone()));
        let told = |endings: &[Ending]| {
            let mut asked = endings.iter().filter_map(|ending| ending.asked.as_ref());
            asked.any(|it| judge::caller(it) == meant)
        };
        let seen = tracer.watch(lab.patience(Duration::from_secs(30)), told)?;
        ensure!(seen, "nobody asked at {}", expected.place);
        Ok(())
    }
}

impl Drop for Repeating {
    fn drop(&mut self) {
        let _killed = self.program.kill();
        let _reaped = self.program.wait();
    }
}
