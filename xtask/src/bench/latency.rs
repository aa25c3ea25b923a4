//! What gathering latencies costs a connection: of endings, and in the kernel.
//!
//! One thread makes connections with itself over loopback, in a namespace of its own and on one
//! processor, and closes both ends: every hook runs on its account. The ways take turns, and what is
//! compared is always of one turn.

mod report;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use nix::time::{clock_getcpuclockid, clock_gettime};

use self::report::Report;
use super::{
    churn::{Churn, Manner},
    statistics,
};
use crate::{lab::tracer::Tracer, scene::netns, shell};

/// What `xtask bench latency` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The finrst to measure.
    #[arg(long, default_value = "target/release/finrst")]
    finrst: PathBuf,
    /// How many turns every way gets.
    #[arg(long, default_value_t = 9)]
    turns: u32,
    /// Connections of a turn, of each manner to end.
    #[arg(long, default_value_t = 4_000)]
    connections: u64,
    /// Write the page here.
    #[arg(long)]
    write: Option<PathBuf>,
}

/// What runs beside the connections; the first is what nothing costs.
const WAYS: [(&str, &[&str]); 5] = [
    ("nothing runs", &[]),
    ("`finrst trace -o json`", &["trace", "-o", "json"]),
    ("`finrst latency`", &["latency", "-q", "-o", "json"]),
    (
        "`finrst latency --in-kernel --by process`",
        &[
            "latency",
            "-q",
            "-o",
            "json",
            "--in-kernel",
            "--by",
            "process",
        ],
    ),
    (
        "`finrst latency --in-kernel`",
        &["latency", "-q", "-o", "json", "--in-kernel"],
    ),
];

/// Programs by name: nanoseconds and runs of a connection, both in tenths.
type Programs = BTreeMap<String, (u64, u64)>;

/// What a turn of one way cost a connection, nanoseconds in tenths.
#[derive(Clone, Debug, Default)]
struct Cost {
    /// In the thread that connects and closes, hooks and softirqs included.
    connection: u64,
    /// In all threads of finrst.
    finrst: u64,
    /// In the programs, by the kernel's count, in a run of its own.
    programs: Programs,
}

/// Measures every way in turn, and prints the page.
///
/// # Errors
/// The caller is not root, or finrst could not be run.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let finrst = options.finrst.canonicalize();
    let finrst = finrst.with_context(|| format!("no {}", options.finrst.display()))?;
    netns::enter_new()?;
    let churn = Churn::new()?;
    let mut turns = vec![Vec::new(); WAYS.len()];
    for turn in 0..options.turns {
        eprintln!("turn {} of {}", turn + 1, options.turns);
        let mut order: Vec<_> = WAYS.iter().zip(&mut turns).collect();
        order.rotate_left(usize::try_from(turn)? % WAYS.len());
        for ((name, arguments), taken) in order {
            let costs = one(options, &finrst, arguments, &churn);
            taken.push(costs.with_context(|| (*name).to_owned())?);
        }
    }
    let page = Report::of(options, &turns)?.page();
    println!("{page}");
    if let Some(path) = &options.write {
        std::fs::write(shell::root().join(path), page)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One turn of one way, for each manner to end.
fn one(
    options: &Options,
    finrst: &Path,
    arguments: &[&str],
    churn: &Churn,
) -> anyhow::Result<[Cost; 2]> {
    let tracer = if arguments.is_empty() {
        None
    } else {
        let mut command = Command::new(finrst);
        command.args(arguments);
        Some(Tracer::start(command, Duration::from_mins(1))?)
    };
    if let Some(tracer) = &tracer {
        super::leave_alone(tracer.pid())?;
    }
    let mut costs = [Cost::default(), Cost::default()];
    for (manner, cost) in [Manner::Fin, Manner::Reset].into_iter().zip(&mut costs) {
        churn.connections(100, manner)?;
        let before = used(tracer.as_ref())?;
        cost.connection =
            churn.connections(options.connections, manner)? * 10 / options.connections;
        // What is on its way is still its doing.
        std::thread::sleep(Duration::from_millis(100));
        cost.finrst = (used(tracer.as_ref())? - before) * 10 / options.connections;
        if let Some(tracer) = &tracer {
            cost.programs = programs(options, tracer, churn, manner)?;
        }
    }
    if let Some(tracer) = tracer {
        let ended = tracer.stop()?;
        ensure!(ended.status.success(), "finrst failed: {}", ended.talk);
    }
    Ok(costs)
}

/// Nanoseconds all threads of finrst ran so far.
fn used(tracer: Option<&Tracer>) -> anyhow::Result<u64> {
    let Some(tracer) = tracer else { return Ok(0) };
    let ran = clock_gettime(clock_getcpuclockid(tracer.pid())?)?;
    let (seconds, ns) = (ran.tv_sec().cast_unsigned(), ran.tv_nsec().cast_unsigned());
    Ok(seconds * 1_000_000_000 + ns)
}

/// How much each program ran for a connection.
fn programs(
    options: &Options,
    tracer: &Tracer,
    churn: &Churn,
    manner: Manner,
) -> anyhow::Result<Programs> {
    let connections = options.connections;
    let (ran, _ns) = statistics::during(tracer.pid(), || churn.connections(connections, manner))?;
    let mut programs = Programs::new();
    for program in ran.iter().filter(|it| it.runs * 10 >= connections) {
        let (ns, runs) = programs.entry(program.name()?).or_default();
        *ns += program.ns * 10 / connections;
        *runs += program.runs * 10 / connections;
    }
    ensure!(!programs.is_empty(), "no program ran");
    Ok(programs)
}
