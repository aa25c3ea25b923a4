//! `finrst sockets`: what can be typed.

use super::{Ends, Shown, values};
use crate::model::state::TcpState;
use clap::Args;

/// Show every TCP socket: its state, since when, and who holds it
///
/// One line per socket of every network namespace that has processes: state, how long it has been in it at
/// the least, bytes not read and not acknowledged, both ends, and every process with a descriptor of it.
/// Hooks nothing and runs without privileges, but only root sees what other users hold and enters other
/// namespaces; what could not be seen is said on stderr.
///
/// AGE is a lower bound, `-` where nothing tells it. SURE says how sure it is who owns the socket: `likely`
/// where one process holds it, `unknown` where several share it or its holder is not seen, `-` where nobody
/// holds it: orphans, `TIME_WAIT`, connections not accepted yet.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Sockets {
    /// Which sockets.
    #[command(flatten)]
    pub filters: SocketFilters,

    /// How they are shown.
    #[command(flatten)]
    pub shown: Shown,
}

/// Which sockets to show: those that every kind of filter given admits.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub struct SocketFilters {
    /// Only sockets these processes hold; repeat or separate by commas
    #[arg(short, long = "pid", value_name = "PID", value_delimiter = ',')]
    pub pids: Vec<u32>,
    /// Only sockets processes of this name hold, at most 15 bytes; repeatable
    #[arg(long = "comm", value_name = "NAME", value_parser = values::comm)]
    pub comms: Vec<values::Comm>,
    /// Only sockets in this state, such as `CLOSE_WAIT` or `listen`; repeat or separate by commas
    #[arg(long = "state", value_name = "STATE", value_delimiter = ',', value_parser = values::state)]
    pub states: Vec<TcpState>,
    /// Of which ends.
    #[command(flatten)]
    pub ends: Ends,
}

const EXAMPLES: &str = "\
Examples:
  finrst sockets                                every socket of this machine
  finrst sockets -p 4711                        what one process holds, and with whom it shares it
  finrst sockets --state CLOSE_WAIT --comm java closed by their peers and still held
  finrst sockets --state listen -6              who listens, by IPv6
  finrst sockets -o json --remote-port 5432 > sockets.jsonl";
