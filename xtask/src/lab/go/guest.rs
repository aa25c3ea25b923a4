//! In guests, which get the programs ready made: that executables are hooked on their kernels too.

use std::{path::Path, process::Command, time::Duration};

use super::repeating::Repeating;
use crate::lab::{Lab, Test, outcome::Skip, tracer::Tracer};

/// The tests, by name; for guests, by one way.
pub(crate) const GUEST: &[(&str, Test)] = &[("go/callers", callers)];

/// Where a guest has the programs.
const PROGRAMS: &str = "/pitfalls";

/// A program closes again and again, until it is told who asked for a close, and where.
fn callers(lab: &Lab) -> anyhow::Result<()> {
    if !Path::new(PROGRAMS).exists() {
        return Err(Skip("no Go made programs for this guest".to_owned()).into());
    }
    let arguments = ["--go-callers"].map(str::to_owned);
    let mut tracer = Tracer::start(lab.trace(&arguments), lab.patience(Duration::from_secs(10)))?;
    let program = Repeating::start(Command::new(PROGRAMS))?;
    program.until_told(lab, &mut tracer)?;
    drop(program);
    tracer.stop().map(drop)
}
