//! Replaying long recordings: records a second on one core, and memory against the length.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{lab::played, scene::storm::Storm, shell, used::Used, vm};

/// What `xtask bench replay` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections a second.
    #[arg(long, default_value_t = 1_000)]
    rate: u32,
    /// Lengths of the recordings in seconds.
    #[arg(long, value_delimiter = ',', default_value = "60,600,3600")]
    seconds: Vec<u64>,
}

/// Where the page goes.
const PAGE: &str = "docs/benchmarks/replay.md";

/// Records a second of connections, makes long recordings of it, and replays each in two formats.
///
/// # Errors
/// Something could not be run.
pub(super) fn run(options: &Options) -> Result<ExitCode> {
    let finrst = vm::release_finrst()?;
    let words = ["build", "--locked", "--release", "--package", "tracer"];
    shell::run(shell::cargo(&words).args(["--example", "long_recording"]))?;
    let stretch = shell::root().join("target/release/examples/long_recording");
    let scratch = tempfile::tempdir_in(shell::root().join("target"))?;
    let template = scratch.path().join("template");
    record(&finrst, &template, options.rate)?;
    let mut rows = String::new();
    for seconds in &options.seconds {
        let long = scratch.path().join("long");
        let mut make = Command::new(&stretch);
        make.args([&template, &long]).arg(seconds.to_string());
        let records: u64 = shell::read(&mut make)?.trim().parse()?;
        let bytes = fs::metadata(&long)?.len();
        for format in ["text", "json"] {
            let taken = replay(&finrst, &long, format)?;
            let row = row(*seconds, bytes, records, format, &taken);
            print!("{row}");
            rows.push_str(&row);
        }
    }
    fs::create_dir_all(shell::root().join("docs/benchmarks"))?;
    fs::write(shell::root().join(PAGE), page(options.rate, &rows))?;
    println!("{PAGE} is written");
    Ok(ExitCode::SUCCESS)
}

/// Records a storm of a second's worth of connections.
fn record(finrst: &Path, template: &PathBuf, connections: u32) -> Result<()> {
    let mut recorder = Command::new(finrst)
        .args(["record", "-q", "-o"])
        .arg(template)
        .stdin(Stdio::null())
        .spawn()?;
    thread::sleep(Duration::from_secs(3));
    let connections = connections.to_string();
    let arguments = [
        "--mix",
        "graceful,reset,unread",
        "--connections",
        &connections,
    ];
    let played: Result<Storm> = played::play("storm", &arguments);
    thread::sleep(Duration::from_secs(2));
    kill(Pid::from_raw(recorder.id().cast_signed()), Signal::SIGINT)?;
    ensure!(recorder.wait()?.success(), "nothing was recorded");
    played.map(drop)
}

/// Replays into nothing.
fn replay(finrst: &Path, file: &Path, format: &str) -> Result<Used> {
    let child = Command::new(finrst)
        .args(["trace", "-q", "-o", format, "--replay"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let used = Used::by(&child)?;
    ensure!(
        used.code == Some(0),
        "a replay as {format} ended with {:?}",
        used.code
    );
    Ok(used)
}

fn row(seconds: u64, bytes: u64, records: u64, format: &str, taken: &Used) -> String {
    let per_second = Duration::from_secs(records).as_secs_f64() / taken.cpu_s;
    format!(
        "| {} | {} | {records} | {format} | {:.1} | {per_second:.0} | {} |\n",
        seconds / 60,
        bytes >> 20,
        taken.cpu_s,
        taken.memory_kib >> 10
    )
}

fn page(rate: u32, rows: &str) -> String {
    let mut page = String::from(
        "# Replaying\n\n`cargo xtask bench replay` writes this page: real records of a storm on loopback, \
         repeated each second with\nother sockets, replayed into /dev/null.\n\n",
    );
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    // Writing to a string does not fail.
    let _ = writeln!(
        page,
        "{rate} connections a second, two sockets each; Linux {}, {processors} processors, load {load}. \
         Processor time\nof the one thread that replays, user and system together.\n",
        kernel.trim()
    );
    page.push_str(
        "| minutes | file MiB | records | format | CPU s | records per CPU s | memory MiB |\n",
    );
    page.push_str("|---|---|---|---|---|---|---|\n");
    page.push_str(rows);
    page
}
