//! `bench`: measurements that end as pages in `docs/benchmarks`: run by hand, never a test.

mod figures;
mod replay;
mod stack;
mod statistics;
mod wire;

use std::process::ExitCode;

use anyhow::Result;

/// What `xtask bench` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// What to measure.
    #[command(subcommand)]
    what: What,
}

/// What can be measured.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// How fast recordings are told, and in how much memory, up to one of an hour.
    Replay(replay::Options),
    /// What stacks cost: in the hooks, in finrst, until the first is told, and in memory.
    Stack(stack::Options),
    /// What each capture of FINs and RSTs costs a packet that is neither.
    Wire(wire::Options),
}

/// Measures.
///
/// # Errors
/// Something could not be run.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    match &options.what {
        What::Replay(replay) => replay::run(replay),
        What::Stack(stack) => stack::run(stack),
        What::Wire(wire) => wire::run(wire),
    }
}
