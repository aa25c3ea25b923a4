//! `finrst trace`: what can be typed.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::Args;

use super::{Color, Ends, Kind, Stack, Telling, Transport, Way, Wire, values};
use crate::model::cause::Cause;

/// Print every ending of a connection as it happens
///
/// One line per ending: when, whose socket, both ends, how it ended, why, the kernel's own reason and how
/// long after the close call. Filters work in the kernel; without any, all connections of this machine
/// are traced, in every network namespace.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Trace {
    /// Which connections.
    #[command(flatten)]
    pub select: Select,

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
    /// With --wire: also print the FINs and RSTs that no ending tells, and why; --verbose does it too
    #[arg(long, help_heading = "Output")]
    pub unjoined: bool,
    /// Print what each ending means under its line
    #[arg(long, help_heading = "Output")]
    pub explain: bool,
    /// Take stacks of every act that closes, and print them; without, those of RSTs sent are taken
    #[arg(long, value_enum, value_name = "WHICH", help_heading = "Output")]
    pub stack: Option<Stack>,
    /// Also tell which goroutine called Close, and where, in programs of Go; each call takes some
    /// microseconds more
    #[arg(long, help_heading = "Output")]
    pub go_callers: bool,
    /// No header, no summary, no talk on stderr
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

    /// When to stop, and what to keep in mind until then.
    #[command(flatten)]
    pub stopping: Stopping,

    /// What to capture beside the hooks.
    #[command(flatten)]
    pub wiring: Wiring,

    /// Also record what comes into this file, to be told again by --replay
    #[arg(long, value_name = "FILE", help_heading = "Recording")]
    pub record: Option<PathBuf>,
    /// Overwrite the file of --record
    #[arg(long, requires = "record", help_heading = "Recording")]
    pub force: bool,
    /// Tell a recording of `finrst record` instead of tracing; `-` is standard input
    ///
    /// The same lines as the run gave, from the file alone: no privileges are needed, and nothing is asked
    /// of this machine. What the kernel filtered out is not in the file; --kind, --cause and --count may
    /// narrow what is told further.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = LIVE,
        conflicts_with_all = ["record", "go_callers"],
        help_heading = "Recording"
    )]
    pub replay: Option<PathBuf>,
    /// With --replay: name the frames of programs anew, from the files in this directory that have
    /// their build id, and from DIR/.build-id/ab/cdef.debug; repeatable
    #[arg(
        long,
        value_name = "DIR",
        requires = "replay",
        help_heading = "Recording"
    )]
    pub symbols: Vec<PathBuf>,

    /// How to reach the kernel.
    #[command(flatten)]
    pub kernel: Kernel,

    /// Run this command and trace it and its children until it ends
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// What makes sense only while tracing: the arguments that `--replay` refuses.
pub(super) const LIVE: [&str; 23] = [
    "pids",
    "follow",
    "comms",
    "local_ports",
    "remote_ports",
    "nets",
    "netns",
    "users",
    "ipv4",
    "ipv6",
    "duration",
    "settle",
    "sockets",
    "wire",
    "interfaces",
    "wire_buffer",
    "way",
    "held_open",
    "transport",
    "buffer_size",
    "btf",
    "object",
    "command",
];

/// When to stop, and what to keep in mind until then.
#[derive(Debug, Args)]
pub struct Stopping {
    /// Stop after this many endings
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Stopping")]
    pub count: Option<u64>,
    /// Stop after this time: 10, 10s, 500ms, 2m, 1h
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Stopping")]
    pub duration: Option<Duration>,
    /// How long a closed socket must be quiet before its ending is printed
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = values::duration, help_heading = "Stopping")]
    pub settle: Duration,
    /// Sockets remembered at once; the one untouched for longest gives way, and is counted
    #[arg(long, value_name = "N", default_value = "65536", value_parser = values::sockets, help_heading = "Limits")]
    pub sockets: usize,
    /// Exit with 5 when records were lost
    #[arg(long, help_heading = "Stopping")]
    pub fail_on_loss: bool,
}

/// What to capture beside the hooks.
#[derive(Debug, Args)]
pub struct Wiring {
    /// See the FINs and RSTs on the wire and join them to the acts of each ending; without HOW: xmit
    ///
    /// All see both directions; docs/benchmarks/wire.md has what each costs a packet. xmit also sees what
    /// netfilter sends, in every namespace, and no VLAN, bond or bridge twice on its way in. Connections
    /// that never came to be show their SYNs, too. Fragments cannot be read, and are counted.
    #[arg(
        long,
        value_enum,
        default_value = "off",
        num_args = 0..=1,
        default_missing_value = "xmit",
        value_name = "HOW",
        help_heading = "Wire"
    )]
    pub wire: Wire,
    /// With --wire: only on this device, in every network namespace that has one; repeatable
    ///
    /// Captured are the namespaces of the processes of --pid, or those of --netns, or else all that have
    /// processes, 32 at most.
    #[arg(
        short,
        long = "interface",
        value_name = "DEVICE",
        help_heading = "Wire"
    )]
    pub interfaces: Vec<String>,
    /// With --wire: room for frames in each namespace, in KiB; by default 8 MiB in ours, 2 MiB elsewhere
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u32).range(128..=1_048_576), help_heading = "Wire")]
    pub wire_buffer: Option<u32>,
}

/// Which connections to trace.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Filters")]
pub struct Select {
    /// Only sockets of these processes; repeat or separate by commas
    #[arg(short, long = "pid", value_name = "PID", value_delimiter = ',')]
    pub pids: Vec<u32>,
    /// With --pid: their children too, present and future
    #[arg(long, requires = "pids")]
    pub follow: bool,
    /// Only processes or threads of this name, at most 15 bytes; repeatable
    #[arg(long = "comm", value_name = "NAME", value_parser = values::comm)]
    pub comms: Vec<values::Comm>,
    /// Of which sockets.
    #[command(flatten)]
    pub ends: Ends,
    /// Only endings of these kinds; repeat or separate by commas
    #[arg(long = "kind", value_enum, value_name = "KIND", value_delimiter = ',')]
    pub kinds: Vec<Kind>,
    /// Only endings of these causes, codes of `finrst explain`; repeat or separate by commas
    #[arg(
        long = "cause",
        value_name = "CAUSE",
        value_delimiter = ',',
        value_parser = values::cause(),
        hide_possible_values = true
    )]
    pub causes: Vec<Cause>,
}

impl Select {
    /// Whether every connection of this machine is asked for.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.is_all_of_namespaces() && self.ends.netns.is_empty()
    }

    /// Whether every connection of some network namespaces is asked for, or of all.
    #[must_use]
    pub fn is_all_of_namespaces(&self) -> bool {
        self.pids.is_empty() && self.comms.is_empty() && self.ends.is_all_of_namespaces()
    }
}

/// How to reach the kernel.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kernel")]
pub struct Kernel {
    /// How points are hooked
    #[arg(long, value_enum, default_value = "auto")]
    pub way: Way,
    /// Also tell closes that end nothing where only tracepoints can be hooked, at a cost to every
    /// system call of this machine
    #[arg(long)]
    pub held_open: bool,
    /// How records travel
    #[arg(long, value_enum, default_value = "auto")]
    pub transport: Transport,
    /// Buffer per CPU in KiB, rounded up to a power of two; the default depends on the CPUs
    #[arg(long, value_name = "KIB", value_parser = clap::value_parser!(u32).range(values::BUFFER_KIB))]
    pub buffer_size: Option<u32>,
    /// Types of the running kernel, where /sys/kernel/btf/vmlinux does not tell them
    #[arg(long, value_name = "FILE")]
    pub btf: Option<PathBuf>,
    /// Another build of the kernel half
    #[arg(long, value_name = "FILE")]
    pub object: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  finrst trace                                  everything on this machine
  finrst trace -p 4711 --follow --explain       one service with its workers, in words
  finrst trace --kind rst --remote-port 5432    resets towards databases
  finrst trace --cause linger_zero,disconnect   endings of these causes alone
  finrst trace -o json --duration 1m > end.jsonl
  finrst trace --go-callers --explain -p 4711   which goroutine called Close, and where
  finrst trace --wire afpacket -o pcapng | tshark -n -r -
  finrst trace -v -- curl -s http://127.0.0.1/  one command, with every event
  finrst trace --stack both -p 4711             which line of which function closed
  finrst trace --replay run.finrst --explain    what `finrst record -o run.finrst` recorded
  finrst trace --replay run.finrst --stack both --symbols /usr/lib/debug   with names found here";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::LIVE;
    use crate::cli::{Cli, Verb, Wire};

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["finrst", "trace"].into_iter().chain(line.split(' ')))
    }

    #[test]
    fn a_replay_refuses_what_only_a_kernel_can_do() {
        let lines = [
            "-p 1",
            "-p 1 --follow",
            "--comm x",
            "--local-port 1",
            "--remote-port 1",
            "--net ::1",
            "--netns 1",
            "-u 0",
            "-4",
            "-6",
            "--duration 1s",
            "--settle 1s",
            "--sockets 65536",
            "--wire afpacket",
            "-i lo",
            "--wire-buffer 1024",
            "--record other",
            "--way auto",
            "--held-open",
            "--go-callers",
            "--transport perf",
            "--buffer-size 64",
            "--btf x",
            "--object x",
            "-- true",
        ];
        assert_eq!(lines.len(), LIVE.len() + 2);
        for line in lines {
            let refused = parse(&format!("--replay f {line}")).unwrap_err();
            assert_eq!(
                refused.kind(),
                clap::error::ErrorKind::ArgumentConflict,
                "{line}"
            );
            assert!(refused.to_string().contains("--replay"), "{line}");
        }
    }

    #[test]
    fn a_replay_takes_what_shapes_the_telling() {
        let line = "--replay f -o json -v --explain -q --color never -c 2 --kind rst --cause refused --fail-on-loss";
        let Verb::Trace(trace) = parse(line).unwrap().verb else {
            panic!("another verb");
        };
        assert!(trace.verbose && trace.replay.is_some());
    }

    #[test]
    fn symbols_are_for_a_replay() {
        let Verb::Trace(trace) = parse("--replay f --symbols a --symbols b").unwrap().verb else {
            panic!("another verb");
        };
        assert_eq!(trace.symbols.len(), 2);
        assert!(parse("--symbols a").is_err());
    }

    #[test]
    fn a_wire_without_a_way_is_that_by_the_hooks() {
        let wire = |line: &str| {
            let Verb::Trace(trace) = parse(line).unwrap().verb else {
                panic!("another verb");
            };
            trace.wiring.wire
        };
        assert_eq!(wire("-q"), Wire::Off);
        assert_eq!(wire("--wire -i lo"), Wire::Xmit);
        assert_eq!(wire("--wire -- true"), Wire::Xmit);
        assert_eq!(wire("--wire tcx"), Wire::Tcx);
    }

    #[test]
    fn force_means_nothing_without_a_recording() {
        assert!(parse("--force").is_err());
        assert!(parse("--record f --force").is_ok());
    }
}
