//! `finrst correlate`: what can be typed.

use std::path::PathBuf;

use clap::Args;

use super::{Retold, Telling};

/// Tell a recording together with what others captured
///
/// Tells a recording of `finrst record` like `finrst trace --replay`, and joins the FINs and RSTs of
/// capture files to its endings: pcap or pcapng, of this or of the other host, of tcpdump, Wireshark or
/// anything else. The recording needs no capture of its own.
///
/// A capture has a clock of its own. Segments that both know tell how far it is off and how it drifts,
/// and how exactly; it comes on stderr and as JSON lines of type `alignment`. Delays to another host
/// are as right as one assumption: no clocks can tell a delay from an offset, so the shortest delays of
/// both directions are taken for equal. A capture that has nothing in common with the recording is said
/// to be so, and the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Correlate {
    /// What `finrst record -o RECORDING` wrote
    #[arg(value_name = "RECORDING")]
    pub recording: PathBuf,
    /// A capture file; repeatable, each has its own clock
    #[arg(long = "pcap", value_name = "FILE", required = true)]
    pub captures: Vec<PathBuf>,

    /// Output format
    #[arg(
        short,
        long,
        value_enum,
        default_value = "text",
        help_heading = "Output"
    )]
    pub output: Telling,
    /// Also print the events behind the endings, with every state transition
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,
    /// Print what each ending means under its line, and where its segments were seen
    #[arg(long, help_heading = "Output")]
    pub explain: bool,
    /// No header, no summary, no talk on stderr but of what is wrong
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
    /// What of it is told.
    #[command(flatten)]
    pub retold: Retold,
}

const EXAMPLES: &str = "\
Examples:
  finrst record -o run.finrst &                       here, and at the same time
  tcpdump -i any -w here.pcap                         here, by the same machine's wall clock
  finrst correlate run.finrst --pcap here.pcap        each ending, with its segments
  finrst correlate run.finrst --pcap here.pcap --pcap there.pcapng --explain
  finrst correlate run.finrst --pcap there.pcap -o json --kind rst > resets.jsonl";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::{Cli, Verb};

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["finrst", "correlate"].into_iter().chain(line.split(' ')))
    }

    #[test]
    fn captures_are_many_and_one_at_the_least() {
        let Verb::Correlate(correlate) = parse("r --pcap a --pcap b").unwrap().verb else {
            panic!("another verb");
        };
        assert_eq!(correlate.captures.len(), 2);
        assert!(parse("r").is_err());
        assert!(parse("--pcap a").is_err());
    }

    #[test]
    fn what_shapes_a_replay_shapes_it_too() {
        let line =
            "r --pcap a -o json -v --explain -q --color never -c 2 --kind rst --fail-on-loss";
        assert!(parse(line).is_ok());
    }
}
