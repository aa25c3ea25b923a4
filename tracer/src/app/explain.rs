//! `finrst explain`.

use std::io::Write;

use super::output;
use crate::{
    cli::Explain,
    diagnose::page,
    exit::{Exit, Failure},
    model::cause::Cause,
};

pub(super) fn run(explain: &Explain) -> Result<Exit, Failure> {
    let mut out = output::stdout();
    let written = match explain.cause {
        Some(cause) => write!(out, "{}", page(cause)),
        None => Cause::ALL
            .iter()
            .try_for_each(|&cause| writeln!(out, "{}", page(cause).title)),
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if !output::is_closed(&error) => Err(error.into()),
        _ => Ok(Exit::Ok),
    }
}
