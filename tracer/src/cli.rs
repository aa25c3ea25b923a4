//! What can be typed. No I/O: names and paths are looked up later.

use clap::{Parser, Subcommand, ValueEnum, builder::styling};

mod catch;
mod check;
mod correlate;
mod ends;
mod explain;
mod latency;
mod leaks;
mod record;
mod report;
mod retold;
mod shown;
mod sockets;
mod trace;
pub mod values;

pub use catch::Catch;
pub use check::Check;
pub use correlate::Correlate;
pub use ends::Ends;
pub use explain::Explain;
pub use latency::{By, Latency};
pub use leaks::Leaks;
pub use record::Record;
pub use report::Report;
pub use retold::Retold;
pub use shown::Shown;
pub use sockets::{SocketFilters, Sockets};
pub use trace::{Kernel, Select, Stopping, Trace, Wiring};

const STYLES: styling::Styles = styling::Styles::styled()
    .header(styling::AnsiColor::Green.on_default().bold())
    .usage(styling::AnsiColor::Green.on_default().bold())
    .literal(styling::AnsiColor::Cyan.on_default().bold())
    .placeholder(styling::AnsiColor::Cyan.on_default());

/// Who ended a TCP connection, when and why.
///
/// finrst watches the kernel end connections: the process that closed, exited or reset, the kernel's own
/// reason, and the state each socket went through. It hooks only what ends connections, filters in the
/// kernel, counts what it could not see, and leaves nothing behind.
#[derive(Debug, Parser)]
#[command(name = "finrst", version, long_version = LONG_VERSION, styles = STYLES, max_term_width = 100)]
#[command(after_help = AFTER, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit: ",
    env!("FINRST_GIT_COMMIT"),
    "\nkernel object: ",
    env!("FINRST_KERNEL_OBJECT_ORIGIN"),
    ", sha256 ",
    env!("FINRST_KERNEL_OBJECT_SHA256"),
);

const AFTER: &str = "\
Exit codes:
    0  fine
    1  failed while running
    2  usage
    3  privileges missing
    4  the kernel lacks something
    5  records were lost and --fail-on-loss was given
    6  `leaks` found something
  124  `catch` caught too little within --timeout
  130  interrupted before that
`trace -- CMD` exits with the command's status.";

/// The verbs; what each does is said where its options are, for a word here would replace it.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "clap shows the docs of what a verb holds")]
pub enum Verb {
    Trace(Box<Trace>),
    Record(Box<Record>),
    Catch(Box<Catch>),
    Correlate(Correlate),
    Latency(Box<Latency>),
    Report(Report),
    Sockets(Box<Sockets>),
    Leaks(Box<Leaks>),
    Check(Box<Check>),
    Explain(Explain),
}

/// Output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Aligned lines for people
    Text,
    /// JSON Lines for programs
    Json,
}

/// Formats in which a run is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Telling {
    /// Aligned lines for people
    Text,
    /// JSON Lines for programs
    Json,
    /// Packets for tcpdump, tshark and Wireshark, with what each ending was as comments; wants --wire
    Pcapng,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On terminals, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How points are hooked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// The best of each point
    Auto,
    /// Function entries through trampolines
    Fentry,
    /// Function entries through breakpoints
    Kprobe,
    /// Tracepoints only
    Tracepoint,
}

/// How records travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// BPF ring buffers where each CPU can have its own (Linux 5.8, 8 CPUs), else perf buffers
    Auto,
    /// A perf ring buffer per CPU
    Perf,
    /// BPF ring buffers, shared where there are more than 8 CPUs
    Ringbuf,
}

/// How segments are captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Wire {
    /// Not at all
    Off,
    /// By a packet socket, in the network namespace finrst runs in
    Afpacket,
    /// By hooks where packets leave and enter devices, in all network namespaces
    Xmit,
    /// By classifiers on the devices of the network namespace finrst runs in; needs Linux 6.6
    Tcx,
}

/// Of which acts stacks are taken, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stack {
    /// None at all
    None,
    /// The kernel's, of every act that closes
    Kernel,
    /// The program's, of every act that closes
    User,
    /// Both, of every act that closes
    Both,
}

/// Kinds of endings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Ended by FINs
    Fin,
    /// Ended by an RST, sent or received
    Rst,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_says_more_when_asked_for_more() {
        for verb in super::Cli::command().get_subcommands() {
            let name = verb.get_name();
            let about = verb.get_about().unwrap().to_string();
            let longer = verb.get_long_about().unwrap().to_string();
            assert!(longer.len() > about.len(), "{name}");
        }
    }
}
