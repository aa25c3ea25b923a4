//! `bench`: measurements that end as pages in `docs/benchmarks`: run by hand, never a test.

mod churn;
mod closing;
pub(crate) mod figures;
mod latency;
mod leaks;
mod nginx;
mod overhead;
mod processors;
mod replay;
mod stack;
mod statistics;
mod wire;

use std::process::ExitCode;

use anyhow::Result;
use processors::{go_anywhere, leave_alone, stay, thread_ns};

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
    /// How differently a plain Close and one that waits close.
    Closing(closing::Options),
    /// What gathering latencies costs a connection, of endings and in the kernel.
    Latency(latency::Options),
    /// How long a look at very many sockets takes, and how much memory.
    Leaks(leaks::Options),
    /// What latencies of nginx under wrk are, by finrst and by bpftrace, and what telling them costs.
    Nginx(nginx::Options),
    /// What finrst costs, and what its peers cost for the same connections.
    Overhead(overhead::Options),
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
        What::Closing(closing) => closing::run(closing),
        What::Latency(latency) => latency::run(latency),
        What::Leaks(leaks) => leaks::run(leaks),
        What::Nginx(nginx) => nginx::run(nginx),
        What::Overhead(overhead) => overhead::run(overhead),
        What::Replay(replay) => replay::run(replay),
        What::Stack(stack) => stack::run(stack),
        What::Wire(wire) => wire::run(wire),
    }
}
