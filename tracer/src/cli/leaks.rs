//! `finrst leaks`: what can be typed.

use std::time::Duration;

use clap::Args;

use super::{Color, Output, SocketFilters, values};

/// Find connections that somebody forgot, and who
///
/// Looks at every TCP socket of every network namespace that has processes, and shows those that have been
/// left over for long, grouped by who holds them: `not_closed` (the peer closed and the program did not:
/// `CLOSE_WAIT`), `half_closed` (the program shut down and waits for its peer: `FIN_WAIT2`), `not_acknowledged`
/// (it shut down, and its FIN is not acknowledged) and `orphaned` (nobody holds it, and it is not gone). Then
/// what `TIME_WAIT` comes to in this network namespace: the ports of services that closed first, and the
/// destination to which most ephemeral ports are taken.
///
/// OLDEST is a lower bound. No source says when `FIN_WAIT1`, `CLOSING` and `LAST_ACK` began, nor when the
/// stand-in of an orphan did: such sockets count once two looks of --watch were far enough apart. Hooks
/// nothing and runs without privileges, but only root sees what other users hold and enters other namespaces.
///
/// Exits with 6 when something leaked, at the last look of --watch.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Leaks {
    /// Which sockets.
    #[command(flatten)]
    pub filters: SocketFilters,

    /// Only what has been left over for this long
    #[arg(
        long,
        value_name = "TIME",
        default_value = "1m",
        value_parser = values::duration,
        help_heading = "Filters"
    )]
    pub older_than: Duration,
    /// Look again after every such time, and show the growth per minute; until Ctrl-C
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Output")]
    pub watch: Option<Duration>,
    /// Stop after this many looks
    #[arg(short, long, value_name = "N", requires = "watch", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Output")]
    pub count: Option<u64>,
    /// Output format
    #[arg(
        short,
        long,
        value_enum,
        default_value = "text",
        help_heading = "Output"
    )]
    pub output: Output,
    /// No header, no talk on stderr
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
    /// When to colour text
    #[arg(
        long,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = "Output"
    )]
    pub color: Color,
}

const EXAMPLES: &str = "\
Examples:
  finrst leaks                             who forgot what for more than a minute
  finrst leaks -p 4711 --older-than 10s
  finrst leaks --watch 10s                 and how fast it grows
  finrst leaks -q -o json || page-somebody exits with 6 when something leaked
  finrst sockets --state CLOSE_WAIT        each of them, with its descriptors";
