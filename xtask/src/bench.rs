//! Measurements of what finrst costs: run by hand, written down, never a test.

mod wire;

use std::process::ExitCode;

/// What is to be measured.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Bench {
    /// What each capture of FINs and RSTs costs a packet that is neither.
    Wire(wire::Options),
}

/// Measures.
///
/// # Errors
/// Something that is measured could not be run.
pub(crate) fn run(bench: &Bench) -> anyhow::Result<ExitCode> {
    match bench {
        Bench::Wire(options) => wire::run(options),
    }
}
