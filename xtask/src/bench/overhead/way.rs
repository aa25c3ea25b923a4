//! What runs beside the connections: finrst in its ways, and its peers.

/// One program, and how it is run.
pub(super) struct Way {
    /// Its name on the page.
    pub(super) name: &'static str,
    /// What is run; `None` for nothing.
    pub(super) program: Option<Program>,
}

/// A program and its arguments.
#[derive(Clone, Copy, Debug)]
pub(super) enum Program {
    /// The finrst that is measured.
    Finrst(&'static [&'static str]),
    /// Another tool whose kernel half is eBPF.
    Peer(&'static str, &'static [&'static str]),
    /// `tcpdump`, which says when it listens.
    Tcpdump(&'static [&'static str]),
}

const fn finrst(name: &'static str, arguments: &'static [&'static str]) -> Way {
    Way {
        name,
        program: Some(Program::Finrst(arguments)),
    }
}

const fn peer(name: &'static str, program: Program) -> Way {
    Way {
        name,
        program: Some(program),
    }
}

/// Stands for the id of the process that connects, among arguments.
pub(super) const OURS: &str = "PID";

/// Every hook finrst has on a machine without function hooks, with nothing in it.
const EMPTY: &str = "tracepoint:sock:inet_sock_set_state, tracepoint:tcp:tcp_destroy_sock, \
     tracepoint:tcp:tcp_receive_reset, tracepoint:tcp:tcp_send_reset {}";

/// The same, each copying 320 bytes into the buffer of its processor.
const COPY: &str = "tracepoint:sock:inet_sock_set_state, tracepoint:tcp:tcp_destroy_sock, \
     tracepoint:tcp:tcp_receive_reset, tracepoint:tcp:tcp_send_reset \
     { printf(\"%r%r\", buf(args, 160), buf(args, 160)); }";

/// What people run today.
const ONE_LINER: &str = "tracepoint:sock:inet_sock_set_state \
     { printf(\"%d %s %d %d %d %d\\n\", pid, comm, args->sport, args->dport, args->oldstate, args->newstate); }";

/// FINs, RSTs and SYNs.
const FLAGS: &str = "tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0";

/// The way all others are compared with.
pub(super) const NOTHING: usize = 0;
/// finrst as programs read it, the way its peers are compared with.
pub(super) const JSON: usize = 1;
/// finrst as people read it, which is how its peers print.
pub(super) const TEXT: usize = 2;
/// Without stacks.
pub(super) const NO_STACKS: usize = 4;
/// Its filter that matches nothing.
pub(super) const UNMATCHED: usize = 6;
/// Latencies gathered in the kernel.
pub(super) const IN_KERNEL: usize = 13;
/// Empty programs at the same hooks.
pub(super) const FLOOR: usize = 15;
/// The peers the goals name.
pub(super) const ONE_LINERS: usize = 17;
/// See [`ONE_LINERS`].
pub(super) const TCPSTATES: usize = 18;
/// See [`ONE_LINERS`].
pub(super) const TCPLIFE: usize = 19;

/// Every way.
pub(super) const WAYS: [Way; 22] = [
    Way {
        name: "nothing",
        program: None,
    },
    finrst("`finrst trace -o json`", &["trace", "-o", "json"]),
    finrst("`finrst trace`", &["trace"]),
    finrst(
        "`… -o json --transport perf`",
        &["trace", "-o", "json", "--transport", "perf"],
    ),
    finrst(
        "`… -o json --stack none`",
        &["trace", "-o", "json", "--stack", "none"],
    ),
    finrst(
        "`… -o json --stack both`",
        &["trace", "-o", "json", "--stack", "both"],
    ),
    finrst(
        "`… -o json --net 203.0.113.0/24`, matches nothing",
        &["trace", "-o", "json", "--net", "203.0.113.0/24"],
    ),
    finrst(
        "`… -o json -p 1`, matches nothing",
        &["trace", "-o", "json", "-p", "1"],
    ),
    finrst(
        "`… -o json --net 127.0.0.0/8`, matches all",
        &["trace", "-o", "json", "--net", "127.0.0.0/8"],
    ),
    finrst(
        "`… -o json -p PID` of what connects, matches all",
        &["trace", "-o", "json", "-p", OURS],
    ),
    finrst(
        "`… -o json --wire afpacket`",
        &["trace", "-o", "json", "--wire", "afpacket"],
    ),
    finrst(
        "`… -o json --wire tcx`",
        &["trace", "-o", "json", "--wire", "tcx"],
    ),
    finrst("`finrst record`", &["record", "-o", "/dev/null"]),
    finrst(
        "`finrst latency --in-kernel`",
        &["latency", "-q", "-o", "json", "--in-kernel"],
    ),
    finrst(
        "`finrst latency`, which tells of no ending",
        &["latency", "-q", "-o", "json"],
    ),
    peer(
        "floor: empty programs (bpftrace)",
        Program::Peer("bpftrace", &["-e", EMPTY]),
    ),
    peer(
        "floor: 320 bytes copied (bpftrace)",
        Program::Peer("bpftrace", &["-e", COPY]),
    ),
    peer(
        "bpftrace one-liner on `inet_sock_set_state`",
        Program::Peer("bpftrace", &["-e", ONE_LINER]),
    ),
    peer("libbpf-tools `tcpstates`", Program::Peer("tcpstates", &[])),
    peer("libbpf-tools `tcplife`", Program::Peer("tcplife", &[])),
    peer(
        "`tcpdump` as text, SYN, FIN and RST",
        Program::Tcpdump(&[FLAGS]),
    ),
    peer(
        "`tcpdump -w`, everything",
        Program::Tcpdump(&["-w", "/dev/null"]),
    ),
];
