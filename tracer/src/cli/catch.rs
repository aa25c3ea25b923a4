//! `finrst catch`: what can be typed.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{Kernel, Select, Stack, Wiring, values};

/// Wait for an ending and save everything around it
///
/// A flight recorder: keeps the last seconds of records and segments in bounded memory, and on the first
/// ending that matches goes on for a moment and writes a directory: ending.json and ending.txt (what
/// ended, who did it, why, and what usually fixes it), recording.finrst (everything kept, for `finrst trace
/// --replay` and `finrst latency --replay`), segments.pcapng (its segments, for Wireshark), report.html
/// (all of it as a page), and environment.txt (kernel, settings of TCP, what `finrst check` says).
///
/// --kind and --cause choose what is waited for; all other filters choose what is recorded, too, and work
/// in the kernel. So that the other end and what came before are there, leave those as wide as the load
/// allows. Sockets older than the window are in the recording with what is known of their beginning.
///
/// Prints the directory's name on standard output. Exits with 0 when --count endings were caught, 124 when
/// --timeout passed first, 130 when it was interrupted first. Needs --wire off where segments cannot be
/// captured.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, mut_arg("wire", |wire| wire.default_value("xmit")))]
pub struct Catch {
    /// What to wait for, and of which connections.
    #[command(flatten)]
    pub select: Select,

    /// The directory to write; by default finrst-catch- and the time, in UTC
    ///
    /// It must be empty or not be there yet. With --count above 1 it holds a directory for each ending, named
    /// 1, 2 and so on.
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Take stacks of every act that closes; without, those of RSTs sent are taken
    #[arg(long, value_enum, value_name = "WHICH", help_heading = "Output")]
    pub stack: Option<Stack>,
    /// Also record which goroutine called Close, and where, in programs of Go; each call takes some
    /// microseconds more
    #[arg(long, help_heading = "Output")]
    pub go_callers: bool,
    /// No progress, no talk on stderr
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// Catch this many endings, each with a directory of its own
    #[arg(short, long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Stopping")]
    pub count: u64,
    /// Give up after this time: 10, 10s, 500ms, 2m, 1h; without, wait for ever
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Stopping")]
    pub timeout: Option<Duration>,
    /// How long to go on after the ending was told, for what follows it
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = values::duration, help_heading = "Stopping")]
    pub after: Duration,
    /// How long a closed socket must be quiet before its ending is told
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = values::duration, help_heading = "Stopping")]
    pub settle: Duration,

    /// How far before an ending records and segments are kept, at the least
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = values::duration, help_heading = "Limits")]
    pub keep: Duration,
    /// Memory they may take, packed: 64MiB, 512KiB, 1GiB; under a load that needs more, they are kept
    /// for less time, which is said
    #[arg(long, value_name = "BYTES", default_value = "64MiB", value_parser = values::memory, help_heading = "Limits")]
    pub memory: usize,
    /// Sockets remembered at once; the one untouched for longest gives way, and is counted
    ///
    /// Comes on top of --memory: up to 2 KiB each while they are open, and half a KiB each for two minutes
    /// after. A busy machine fills the latter, some 30 MiB; names of stacks take what the symbols of
    /// programs take.
    #[arg(long, value_name = "N", default_value = "65536", value_parser = values::sockets, help_heading = "Limits")]
    pub sockets: usize,

    /// What to capture beside the hooks.
    #[command(flatten)]
    pub wiring: Wiring,

    /// How to reach the kernel.
    #[command(flatten)]
    pub kernel: Kernel,
}

const EXAMPLES: &str = "\
Examples:
  finrst catch --kind rst                         the next reset of this machine, with everything around it
  finrst catch --cause closed_with_unread_data --local-port 443 --timeout 8h
  finrst catch --kind rst --remote-port 5432 --keep 2m --memory 256MiB -o db-reset
  finrst catch --kind rst --count 3 -o resets     three of them: resets/1, resets/2, resets/3
  dir=$(finrst catch -q --kind rst --timeout 1h) && finrst trace --replay $dir/recording.finrst --explain
  tshark -r finrst-catch-*/segments.pcapng -Y tcp.flags.reset==1";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::{Cli, Verb, Wire};

    fn parse(line: &str) -> Result<super::Catch, clap::Error> {
        let words = ["finrst", "catch"].into_iter();
        let cli = Cli::try_parse_from(words.chain(line.split_whitespace()))?;
        let Verb::Catch(catch) = cli.verb else {
            panic!("{:?}", cli.verb);
        };
        Ok(*catch)
    }

    #[test]
    fn segments_are_captured_unless_that_is_not_wanted() {
        assert_eq!(parse("").unwrap().wiring.wire, Wire::Xmit);
        assert_eq!(parse("--wire off").unwrap().wiring.wire, Wire::Off);
        assert_eq!(parse("--wire").unwrap().wiring.wire, Wire::Xmit);
    }

    #[test]
    fn memory_is_asked_for_with_a_unit() {
        assert_eq!(parse("--memory 1GiB").unwrap().memory, 1 << 30);
        assert!(parse("--memory 64").is_err());
        assert!(parse("--count 0").is_err());
    }
}
