//! nginx under wrk: what `finrst latency` says of it both ways, beside bpftrace, and what that costs.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use nix::time::{clock_getcpuclockid, clock_gettime};

use super::{
    figures::{self, Spread},
    statistics,
};
use crate::{
    lab::{
        Lab, Way,
        latency::nginx::{self, PHASES, Seen, Server},
        tracer::Tracer,
    },
    shell,
};

/// What `xtask bench nginx` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The finrst to measure.
    #[arg(long, default_value = "target/release/finrst")]
    finrst: PathBuf,
    /// How many turns every way gets.
    #[arg(long, default_value_t = 7)]
    turns: u32,
    /// Seconds of load in a turn.
    #[arg(long, default_value_t = 1)]
    seconds: u32,
}

/// Where the page goes.
const PAGE: &str = "docs/benchmarks/nginx.md";

/// What runs beside the load.
const WAYS: [(&str, Option<&[&str]>); 3] = [
    ("nothing", None),
    ("`finrst latency`", Some(&[])),
    ("`finrst latency --in-kernel`", Some(&["--in-kernel"])),
];

/// A turn of one way: connections a second, and nanoseconds a connection in tenths.
#[derive(Clone, Copy, Debug)]
struct Cost {
    rate: u64,
    finrst: u64,
    programs: u64,
}

/// Measures, and writes the page.
///
/// # Errors
/// A program is missing, or something could not be run.
pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let lab = Lab::new(&options.finrst, Way::Auto)?;
    let mut page = String::from(HEAD);
    let run = nginx::watched(&lab, options.seconds)?;
    let seen = [
        ("`finrst latency`", &run.events),
        ("`finrst latency --in-kernel`", &run.gathered),
        ("bpftrace", &run.independent),
    ];
    for (_, phase, _) in PHASES {
        for (who, seen) in seen {
            row(&mut page, phase, who, seen)?;
        }
    }
    page.push_str(COSTS);
    let mut turns = [const { Vec::new() }; WAYS.len()];
    for turn in 0..options.turns {
        eprintln!("turn {} of {}", turn + 1, options.turns);
        let mut order: Vec<_> = WAYS.iter().zip(&mut turns).collect();
        order.rotate_left(usize::try_from(turn)? % WAYS.len());
        for ((name, arguments), taken) in order {
            // Of its own, so that no port of a turn before is still remembered.
            let cost = one(options, &lab, &Server::start()?, *arguments);
            taken.push(cost.with_context(|| (*name).to_owned())?);
        }
    }
    for ((name, _), costs) in WAYS.iter().zip(&turns) {
        let of = |number: fn(&Cost) -> u64| {
            Spread::of(costs.iter().map(|it| number(it).cast_signed())).shown()
        };
        let [rate, programs, finrst] = [of(|it| it.rate), of(|it| it.programs), of(|it| it.finrst)];
        let _infallible = writeln!(page, "| {name} | {rate} | {programs} | {finrst} |");
    }
    let _infallible = writeln!(
        page,
        "\nMeasured on {}; {} turns of each way, {} s each.",
        figures::place()?,
        options.turns,
        options.seconds
    );
    print!("{page}");
    std::fs::write(shell::root().join(PAGE), page)?;
    Ok(ExitCode::SUCCESS)
}

fn row(page: &mut String, phase: &str, who: &str, seen: &Seen) -> anyhow::Result<()> {
    let numbers = seen.get(phase).context("a phase is missing")?;
    let micros = |ns: u64| format!("{}.{}", ns / 1_000, ns / 100 % 10);
    let median = numbers.p50.map_or_else(|| "–".to_owned(), micros);
    let (mean, max) = (micros(numbers.mean), micros(numbers.max));
    let count = numbers.count;
    let _infallible = writeln!(
        page,
        "| `{phase}` | {who} | {count} | {mean} | {median} | {max} |"
    );
    Ok(())
}

/// One turn of one way: the load twice, for the kernel's count of its programs costs as well.
fn one(
    options: &Options,
    lab: &Lab,
    server: &Server,
    arguments: Option<&[&str]>,
) -> anyhow::Result<Cost> {
    let per_second = |answers: u64| answers * 10 / u64::from(options.seconds);
    let Some(arguments) = arguments else {
        let load = server.load(options.seconds)?;
        return Ok(Cost {
            rate: per_second(load.answers),
            finrst: 0,
            programs: 0,
        });
    };
    let tracer = Tracer::start(server.latency(lab, arguments), Duration::from_mins(1))?;
    let before = ran(&tracer)?;
    let load = server.load(options.seconds)?;
    // What is on its way is still its doing.
    std::thread::sleep(Duration::from_millis(200));
    let finrst = (ran(&tracer)? - before) * 10 / load.answers.max(1);
    let (programs, counted) = statistics::during(tracer.pid(), || server.load(options.seconds))?;
    let ns: u64 = programs.iter().map(|it| it.ns).sum();
    tracer.stop()?;
    Ok(Cost {
        rate: per_second(load.answers),
        finrst,
        programs: ns * 10 / counted.answers.max(1),
    })
}

/// Nanoseconds all threads of finrst ran so far.
fn ran(tracer: &Tracer) -> anyhow::Result<u64> {
    let ran = clock_gettime(clock_getcpuclockid(tracer.pid())?)?;
    let (seconds, ns) = (ran.tv_sec().cast_unsigned(), ran.tv_nsec().cast_unsigned());
    Ok(seconds * 1_000_000_000 + ns)
}

const HEAD: &str = "\
# Latencies of nginx under wrk

`cargo xtask bench nginx` writes this page. nginx answers `Connection: close` over a veth pair, wrk asks as fast as it can on four \
connections.\n\nThe same load is seen by `finrst latency` of endings, by `finrst latency --in-kernel`, and by a bpftrace script that shares nothing \
with them but\nthe tracepoint `sock:inet_sock_set_state` and counts times in states. `fin_to_ack` and `fin_wait2` are of nginx's ends, the others \
of wrk's. The lab\nholds counts and means of all three together (`latency/nginx`). bpftrace also counts a phase that an RST cut short, at wrk's end. \
Microseconds.\n
| phase | by | count | average | median | longest |
|---|---|---|---|---|---|
";

const COSTS: &str = "
## What telling costs

Each way alone beside the load, in turns: the median, and the quartiles. *Programs* is the kernel's count (`BPF_ENABLE_STATS`, \
its looks at the clock\nincluded) in a load of its own, *finrst* what its threads ran. Nanoseconds a connection, two sockets.\n
| beside the load runs | connections a second | programs | finrst |
|---|---|---|---|
";
