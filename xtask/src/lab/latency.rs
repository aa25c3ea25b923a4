//! `finrst latency`: its numbers are those of the endings, live and of recordings.

pub(crate) mod closing;
pub(super) mod in_kernel;
pub(crate) mod nginx;
mod processes;

use std::{collections::BTreeMap, fs::File, process::Command, thread, time::Duration};

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{
    Lab, Test, Way, played,
    recording::tools::{Recorder, Scratch, record, replay},
};
use crate::scene::storm::Storm;

/// The tests, by name.
pub(crate) const REAL: &[(&str, Test)] = &[
    ("latency/as_the_endings_say", as_the_endings_say),
    ("latency/live", live),
    ("latency/compared", compared),
    ("latency/processes", processes::compared),
    ("latency/two_of_go", closing::told_apart),
    ("latency/nginx", nginx::agree),
];

/// Connections of a storm.
const CONNECTIONS: &str = "600";

/// Plays a storm of these manners.
fn storm(mix: &str) -> anyhow::Result<()> {
    let _told: Storm = played::play("storm", &["--connections", CONNECTIONS, "--mix", mix])?;
    // Longer than an ending takes to settle.
    thread::sleep(Duration::from_millis(1_600));
    Ok(())
}

/// Records a storm of these manners.
pub(super) fn recorded(lab: &Lab, scratch: &Scratch, mix: &str) -> anyhow::Result<String> {
    let file = scratch.file(mix);
    let mut command = record(lab, &["--wire", "-o", &file]);
    let recorder = Recorder::start(lab, &mut command, &file)?;
    storm(mix)?;
    let code = recorder.stop(Signal::SIGINT)?;
    ensure!(code == Some(0), "the recording ended with {code:?}");
    Ok(file)
}

/// What `finrst latency` says, line by line.
fn told(lab: &Lab, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
    let mut command = Command::new(&lab.finrst);
    let output = command
        .args(["latency", "-o", "json"])
        .args(arguments)
        .output()?;
    let talk = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "it failed: {}", talk.trim());
    lines(&output.stdout)
}

pub(super) fn lines(bytes: &[u8]) -> anyhow::Result<Vec<Value>> {
    let lines = bytes.split(|&byte| byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| Ok(serde_json::from_slice(line)?))
        .collect()
}

fn of_type<'a>(lines: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["type"] == kind)
}

/// Count, mean and maximum of each phase of each cause, by the endings and by `latency`; and that a
/// quantile is within a hundredth.
fn as_the_endings_say(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let file = recorded(lab, &scratch, "graceful,reset,unread")?;
    let endings = replay(&lab.finrst, &file, &["-q", "-o", "json"])?.stdout;
    let mut durations = BTreeMap::<_, Vec<u64>>::new();
    for ending in of_type(&lines(&endings)?, "ending") {
        let phases = ending["phases_ns"].as_object().context("no phases")?;
        for (phase, ns) in phases {
            if let Some(ns) = ns.as_u64().filter(|_| ending["how"] != "held_open") {
                let cause = ending["cause"].as_str().unwrap_or_default();
                let key = (cause.to_owned(), phase.clone());
                durations.entry(key).or_default().push(ns);
            }
        }
    }
    ensure!(durations.len() > 10, "few phases were seen: {durations:?}");
    let mut told_of = 0;
    for group in of_type(
        &told(lab, &["--replay", &file, "--by", "cause"])?,
        "latency",
    ) {
        let phases = group["phases_ns"].as_object().context("no phases")?;
        for (phase, numbers) in phases {
            let cause = group["cause"].as_str().unwrap_or_default().to_owned();
            let key = (cause, phase.clone());
            let own = durations.get_mut(&key).context("a phase of no ending")?;
            agree(own, numbers).with_context(|| format!("{key:?}"))?;
            told_of += 1;
        }
    }
    ensure!(told_of == durations.len(), "{told_of} phases are told");
    Ok(())
}

fn agree(durations: &mut [u64], numbers: &Value) -> anyhow::Result<()> {
    durations.sort_unstable();
    let count = u64::try_from(durations.len())?;
    let sum: u64 = durations.iter().sum();
    let max = durations.last().copied();
    let exact = [Some(count), sum.checked_div(count), max];
    let said = ["count", "mean", "max"].map(|name| numbers[name].as_u64());
    ensure!(exact == said, "{exact:?} is said to be {said:?}");
    let median = durations.get((durations.len() - 1) / 2).context("none")?;
    let said = numbers["p50"].as_u64().context("no median")?;
    ensure!(
        (*median..=median + median / 100 + 1).contains(&said),
        "the median {median} is said to be {said}"
    );
    Ok(())
}

/// Gathered live, by process and every second: both ends of every connection, once in an interval
/// and once in all.
fn live(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let file = scratch.file("lines");
    let plot = scratch.file("plot.svg");
    let mut command = Command::new(&lab.finrst);
    command.args(["latency", "-q", "-o", "json", "--by", "process"]);
    command.args(["--interval", "1s", "--plot", &plot]);
    if lab.way != Way::Auto {
        command.args(["--way", lab.way.name()]);
    }
    let recorder = Recorder::start(lab, command.stdout(File::create(&file)?), &file)?;
    storm("reset")?;
    let code = recorder.stop(Signal::SIGINT)?;
    ensure!(code == Some(0), "it ended with {code:?}");
    let lines = lines(&std::fs::read(&file)?)?;
    for whole in [true, false] {
        for comm in ["fr-client", "fr-server"] {
            let of = |line: &&Value| {
                let owner = line["process"].get("comm").and_then(Value::as_str);
                line["from_mono_ns"].is_null() == whole && owner == Some(comm)
            };
            let sum = |name: &str| -> u64 {
                let groups = of_type(&lines, "latency").filter(of);
                groups.filter_map(|line| line[name].as_u64()).sum()
            };
            let sums = [sum("endings"), sum("reset")].map(|it| it.to_string());
            ensure!(
                sums == [CONNECTIONS, CONNECTIONS],
                "{comm}, whole {whole}: {sums:?}"
            );
        }
    }
    let svg = std::fs::read_to_string(&plot)?;
    ensure!(svg.contains("fr-client["), "the plot misses the client");
    Ok(())
}

/// A run of resets against one of graceful closes: the share of resets is no chance, and the
/// recording against itself is.
fn compared(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let graceful = recorded(lab, &scratch, "graceful")?;
    let reset = recorded(lab, &scratch, "reset")?;
    let change = |before: &str, after: &str| -> anyhow::Result<[f64; 3]> {
        let lines = told(lab, &["--compare", before, after])?;
        let line = of_type(&lines, "difference").next();
        let share = &line.context("no difference is told")?["reset_share"];
        let number = |name: &str| share[name].as_f64().context("no number");
        Ok([number("low")?, number("change")?, number("high")?])
    };
    let [low, value, _] = change(&graceful, &reset)?;
    ensure!(low > 0.8 && value > 0.8, "{low} and {value} of the resets");
    let [low, value, high] = change(&reset, &reset)?;
    ensure!(
        low < 0.0 && value.abs() < 1e-9 && high > 0.0,
        "{low}, {value}, {high} of the same"
    );
    Ok(())
}
