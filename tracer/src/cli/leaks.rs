//! `finrst leaks`: what can be typed.

use std::time::Duration;

use clap::Args;

use super::{Kernel, Shown, SocketFilters, values};

/// Find connections that somebody forgot, who, and in which line of code
///
/// Looks at every TCP socket of every network namespace that has processes, and shows those that have been
/// left over for long, grouped by who is to be asked: `not_closed` (the peer closed and the program did not:
/// `CLOSE_WAIT`), `half_closed` (the program shut down and waits for its peer: `FIN_WAIT2`), `not_acknowledged`
/// (it shut down, and its FIN is not acknowledged), `closed_but_held` (it was closed, a copy of the descriptor
/// is open, and nothing passed since; with --for), `never_read` (data came, and the program never read any),
/// `not_accepted` (it waits at its listener) and `orphaned` (nobody holds it, and it is not gone). Then what
/// `TIME_WAIT` comes to in this network namespace, who owes it for having closed first, and the destination to
/// which most ephemeral ports are taken.
///
/// A look hooks nothing and runs without privileges, but only root sees what other users hold and enters other
/// namespaces. What it finds is at least as old as shown (`>`). No source says when `FIN_WAIT1`, `CLOSING` and
/// `LAST_ACK` began, nor when the stand-in of an orphan did: such sockets count once two looks of --watch were
/// far enough apart.
///
/// With --for the kernel is hooked before the look: ages of what began meanwhile are exact, who closed first is
/// seen, and sockets are also grouped by the code that accepted or connected them, shut them down or closed
/// them. With --touch also by the code that sent or received last, which is where a server's handlers differ.
///
/// Exits with 6 when something leaked, at the last look of --watch.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Leaks {
    /// Which sockets.
    #[command(flatten)]
    pub filters: SocketFilters,

    /// Only what has been left over for this long; 1m, with --for a third of its time where that is less
    #[arg(
        long,
        value_name = "TIME",
        value_parser = values::duration,
        help_heading = "Filters"
    )]
    pub older_than: Option<Duration>,
    /// Look again after every such time, and show the growth per minute; until Ctrl-C
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Output")]
    pub watch: Option<Duration>,
    /// Stop after this many looks
    #[arg(short, long, value_name = "N", requires = "watch", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Output")]
    pub count: Option<u64>,
    /// Hook the kernel for this long and look then; Ctrl-C looks at once
    #[arg(long = "for", value_name = "TIME", value_parser = values::duration, help_heading = "Hooks")]
    pub hooked: Option<Duration>,
    /// Also keep which code sent or received last on each socket, at a cost to each such call; less with -p
    #[arg(long, requires = "hooked", help_heading = "Hooks")]
    pub touch: bool,
    /// Also show each socket, and the whole stack behind the first of each group
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,
    /// How they are shown.
    #[command(flatten)]
    pub shown: Shown,

    /// How to reach the kernel.
    #[command(flatten)]
    pub kernel: Kernel,
}

impl Leaks {
    /// How long a socket has to have been left over.
    #[must_use]
    pub fn older_than(&self) -> Duration {
        let usual = Duration::from_mins(1);
        let hooked = self.hooked.map_or(usual, |hooked| usual.min(hooked / 3));
        self.older_than.unwrap_or(hooked)
    }
}

const EXAMPLES: &str = "\
Examples:
  finrst leaks                             who forgot what for more than a minute
  finrst leaks -p 4711 --older-than 10s
  finrst leaks --watch 10s                 and how fast it grows
  finrst leaks --for 30s                   and which code accepted or connected what leaks meanwhile
  finrst leaks --for 30s --touch -p 4711   and which code of a process used it last
  finrst leaks -v                          and each socket
  finrst leaks -q -o json || page-somebody exits with 6 when something leaked
  finrst sockets --state CLOSE_WAIT        each of them, with its descriptors";
