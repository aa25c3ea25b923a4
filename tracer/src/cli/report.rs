//! `finrst report`: what can be typed.

use std::path::PathBuf;

use clap::Args;

use super::Retold;

/// Report on a recording: a page to look at, or a few screens of text
///
/// Tells a recording of `finrst record` together: what was lost, which endings there were over time and of
/// what cause, how long their phases took, whose they were, with whom and called from where in the code.
///
/// With --html it is one file for a browser, that needs no network and no other file: every ending with
/// what it means, what happened at both ends and on the wire as a diagram, and its stacks, to be searched,
/// sorted and printed. It holds the command lines and addresses of the recording: whom you give it gets to
/// see them; other users of this machine do not, until you let them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Report {
    /// What `finrst record -o RECORDING` wrote; `-` is standard input, without --pcap
    #[arg(value_name = "RECORDING")]
    pub recording: PathBuf,
    /// A capture file whose FINs and RSTs are joined to the endings, as by `finrst correlate`; repeatable
    #[arg(long = "pcap", value_name = "FILE")]
    pub captures: Vec<PathBuf>,

    /// Write a page for a browser into this file, overwriting it, instead of text
    #[arg(long, value_name = "FILE.html", help_heading = "Output")]
    pub html: Option<PathBuf>,
    /// No talk on stderr but of what is wrong
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
    /// What of it is told.
    #[command(flatten)]
    pub retold: Retold,
}

const EXAMPLES: &str = "\
Examples:
  finrst record --wire -o run.finrst                    everything on this machine, until Ctrl-C
  finrst report run.finrst                              a few screens of text
  finrst report run.finrst --html run.html              a page for a browser
  finrst report run.finrst --kind rst --html rst.html   of the resets alone
  finrst report run.finrst --pcap there.pcap --html both.html";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::{Cli, Verb};

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["finrst", "report"].into_iter().chain(line.split(' ')))
    }

    #[test]
    fn a_recording_alone_will_do_and_captures_are_many() {
        let Verb::Report(report) = parse("r --pcap a --pcap b --html x.html").unwrap().verb else {
            panic!("another verb");
        };
        assert_eq!(report.captures.len(), 2);
        assert!(parse("r").is_ok() && parse("--html x.html").is_err());
    }

    #[test]
    fn what_narrows_a_replay_narrows_it_too() {
        let line = "r -q --color never -c 2 --kind rst --cause refused --fail-on-loss";
        assert!(parse(line).is_ok());
    }
}
