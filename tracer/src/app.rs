//! The composition roots, one per verb: they build the stages, wait, and decide the exit code.

use crate::{
    cli::{Cli, Verb},
    exit::{Exit, Failure},
};

mod account;
mod capture;
mod captures;
mod catch;
mod check;
mod clocks;
mod command;
mod confined;
mod correlate;
mod explain;
mod goroutines;
mod job;
mod kernel;
mod latency;
mod leaks;
mod memory;
mod output;
mod priority;
mod progress;
mod record;
mod replay;
pub mod report;
mod scan;
mod select;
mod sockets;
mod stop;
mod symbols;
mod trace;
mod translator;
mod translators;
mod view;
mod wire;

/// Does what was asked.
///
/// # Errors
///
/// A [`Failure`] knows its exit code and, where there is one, the remedy.
pub fn run(cli: &Cli) -> Result<Exit, Failure> {
    match &cli.verb {
        Verb::Trace(trace) => trace::run(trace),
        Verb::Record(record) => record::run(record),
        Verb::Catch(catch) => catch::run(catch),
        Verb::Correlate(correlate) => correlate::run(correlate),
        Verb::Latency(latency) => latency::run(latency),
        Verb::Report(report) => report::run(report),
        Verb::Sockets(sockets) => sockets::run(sockets),
        Verb::Leaks(leaks) => leaks::run(leaks),
        Verb::Check(check) => check::run(check),
        Verb::Explain(explain) => explain::run(explain),
    }
}
