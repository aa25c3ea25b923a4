//! `finrst latency`: what can be typed.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, CommandFactory as _, ValueEnum};

use super::{Cli, Color, Kernel, Output, Select, Stopping, Wiring, trace::LIVE, values};

/// Show how long connections take to close, phase by phase
///
/// Gathers endings instead of printing them and shows, at the end or after every interval, how long each
/// phase took: from close(2) to the FIN, to the wire, to its acknowledgement, in `FIN_WAIT2`, in `CLOSE_WAIT`
/// (the reaction of the program to its peer's close), in `LAST_ACK`, blocked in close(2) under `SO_LINGER`, and
/// for RSTs from the call to the wire; with the share that ended by RST, and the share that somebody forgot to
/// close (causes `close_wait_leak`, `fin_wait2_stuck`, `fin_wait2_timeout`). A phase counts where it was seen
/// whole; phases to the wire want --wire. Quantiles are exact to a hundredth, averages and maxima exact.
///
/// --compare holds two processes against each other, or two recordings, with the interval that holds the true
/// difference in 95 of a hundred cases; what chance may have made is said to be so. Of processes the sockets
/// that they own themselves count, those of their children do not.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Latency {
    /// Which connections.
    #[command(flatten)]
    pub select: Select,

    /// Tell apart endings by this
    #[arg(
        long,
        value_enum,
        default_value = "all",
        value_name = "WHAT",
        help_heading = "Output"
    )]
    pub by: By,
    /// Also show, after every such time, what came meanwhile: 10s, 1m
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Output")]
    pub interval: Option<Duration>,
    /// Output format
    #[arg(
        short,
        long,
        value_enum,
        default_value = "text",
        help_heading = "Output"
    )]
    pub output: Output,
    /// Also draw the curves of the largest groups into this file at the end, overwriting it
    #[arg(long, value_name = "FILE.svg", help_heading = "Output")]
    pub plot: Option<PathBuf>,
    /// No talk on stderr
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
    /// Gather in the kernel: cheaper, and no record is ever lost
    ///
    /// Nothing leaves the kernel, where durations are counted in buckets an eighth as wide as what is in them
    /// is long: quantiles are within that, counts, averages and maxima exact. Not to be had are phases to the
    /// wire, causes and peers; filters work as without. --sockets says how many connections that are not over
    /// are remembered; what found no room is counted as evicted.
    #[arg(
        long,
        conflicts_with_all = ["replay", "wire", "interfaces", "wire_buffer", "kinds", "causes", "count"],
        help_heading = "Kernel"
    )]
    pub in_kernel: bool,
    /// When to colour text
    #[arg(
        long,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = "Output"
    )]
    pub color: Color,

    /// When to stop, and what to keep in mind until then.
    #[command(flatten)]
    pub stopping: Stopping,

    /// What to capture beside the hooks.
    #[command(flatten)]
    pub wiring: Wiring,

    /// Take the endings of a recording of `finrst record`; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = LIVE, help_heading = "Recording")]
    pub replay: Option<PathBuf>,
    /// Hold the second against the first: two running processes by their pids, or two recordings
    ///
    /// A number is a pid unless there is a file of that name; ./1234 is always a file. Processes are gathered
    /// until --duration or Ctrl-C, and with them all endings that the filters let pass.
    #[arg(
        long,
        num_args = 2,
        value_names = ["A", "B"],
        conflicts_with_all = ["pids", "follow", "comms", "command"],
        conflicts_with_all = ["replay", "by", "interval", "plot"],
        help_heading = "Recording"
    )]
    pub compare: Option<Vec<PathBuf>>,

    /// How to reach the kernel.
    #[command(flatten)]
    pub kernel: Kernel,

    /// Run this command and gather its endings and its children's until it ends
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

impl Latency {
    /// Of a command line that compares recordings: that nothing in it is for a kernel alone.
    ///
    /// # Errors
    ///
    /// What clap says of arguments that contradict each other.
    pub fn is_offline(line: impl IntoIterator<Item = OsString>) -> Result<(), clap::Error> {
        let offline = Cli::command().mut_subcommand("latency", |latency| {
            latency.mut_arg("compare", |it| {
                it.conflicts_with_all(LIVE).conflicts_with("in_kernel")
            })
        });
        offline.try_get_matches_from(line).map(drop)
    }
}

/// What endings can be told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Nothing: all together
    All,
    /// The process that owned the socket
    Process,
    /// The address of the other end
    Peer,
    /// The cause of the ending
    Cause,
    /// The program's function that called for the end, and its line; takes stacks of every close
    Function,
}

const EXAMPLES: &str = "\
Examples:
  finrst latency -p 4711 --follow --duration 30s   one service with its workers
  finrst latency --by process --interval 10s       every ten seconds, who closes how fast
  finrst latency --by function -p 4711             which line closes, and how long that takes
  finrst latency --by cause --wire --plot rst.svg  to the wire, as curves too
  finrst latency --in-kernel --by process          as cheap as it gets, nothing is ever lost
  finrst latency --replay run.finrst -o json       of a recording, for programs
  finrst latency --compare 4711 4712 --duration 30s   which of two services closes faster, and by how much
  finrst latency --compare before.finrst after.finrst   what a change made of it";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Latency;
    use crate::cli::Cli;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["finrst", "latency"].into_iter().chain(line.split(' ')))
    }

    #[test]
    fn two_are_compared_and_neither_one_nor_others_beside_them() {
        assert!(parse("--compare a b").is_ok());
        assert!(parse("--compare a b -o json --kind rst --cause refused -q").is_ok());
        assert!(parse("--compare 1 2 --duration 30s --local-port 80 --wire").is_ok());
        assert!(parse("--compare 1 2 --in-kernel").is_ok());
        for line in [
            "--compare a",
            "--compare a b --replay c",
            "--compare a b -p 1",
            "--compare 1 2 --comm x",
            "--compare a b --plot x",
            "--compare 1 2 -- true",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn recordings_are_compared_without_what_only_a_kernel_can_do() {
        let offline = |line: &str| {
            let words = ["finrst", "latency"].into_iter().chain(line.split(' '));
            Latency::is_offline(words.map(Into::into))
        };
        assert!(offline("--compare a b -o json --kind rst -q").is_ok());
        for line in [
            "--duration 30s",
            "--wire",
            "--way fentry",
            "--local-port 80",
            "--in-kernel",
        ] {
            let refused = offline(&format!("--compare a b {line}")).unwrap_err();
            let said = refused.to_string();
            assert!(said.contains("--compare"), "{line}: {said}");
        }
    }

    #[test]
    fn a_recording_is_told_apart_as_a_live_run_is() {
        assert!(parse("--replay f --by peer --interval 1s --plot x.svg -o json").is_ok());
        assert!(parse("--replay f -p 1").is_err());
        assert!(parse("-p 1 --wire --by process -- true").is_ok());
    }
}
