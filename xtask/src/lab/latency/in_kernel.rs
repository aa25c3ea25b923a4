//! Latencies gathered in the kernel against those gathered of endings: two finrsts side by side.

use std::{collections::BTreeMap, fs::File, process::Command, thread, time::Duration};

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{lines, of_type};
use crate::{
    lab::{
        Lab, Test, Way, played,
        recording::tools::{Recorder, Scratch},
    },
    scene::storm::Storm,
};

/// What is tested by every way, in guests too.
pub(crate) const TESTS: &[(&str, Test)] = &[("latency/in_kernel", agree)];

/// What is tested here alone.
pub(crate) const REAL: &[(&str, Test)] = &[("latency/in_kernel_full", full)];

/// Connections of the storm, few enough for a guest.
const CONNECTIONS: &str = "120";

/// Two hooks at one place run one after the other: the stamps of one finrst are so much later, at
/// most, on a machine that is not slow.
const APART: Duration = Duration::from_micros(500);

/// A finrst that gathers.
fn gather(lab: &Lab, file: &str, arguments: &[&str]) -> anyhow::Result<Recorder> {
    let mut command = Command::new(&lab.finrst);
    command.args(["latency", "-q", "-o", "json"]);
    command.args(arguments);
    if lab.way != Way::Auto {
        command.args(["--way", lab.way.name()]);
    }
    Recorder::start(lab, command.stdout(File::create(file)?), file)
}

/// What it told of the whole run, by the id of the process, and how much it says that it lacks: runs of
/// its hooks that the kernel skipped, for a softirq came right into the same hook, and what found no room,
/// be it for such a softirq alone.
fn groups(file: &str) -> anyhow::Result<(BTreeMap<u64, Value>, u64)> {
    let lines = lines(&std::fs::read(file)?)?;
    let summary = of_type(&lines, "summary").next().context("no summary")?;
    let lacks = ["missed", "evicted"].map(|name| summary[name].as_u64().unwrap_or(0));
    let whole = of_type(&lines, "latency").filter(|line| line["from_mono_ns"].is_null());
    let named = whole.filter_map(|line| {
        let pid = line["process"].get("pid")?.as_u64()?;
        Some((pid, line.clone()))
    });
    Ok((named.collect(), lacks.iter().sum()))
}

/// Both see the same connections of both processes; each phase is as often in both, and its median
/// within the width of a bucket.
fn agree(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let (events, gathered) = (scratch.file("events"), scratch.file("gathered"));
    let by = ["--by", "process"];
    let first = gather(lab, &events, &by)?;
    let second = gather(lab, &gathered, &[by.as_slice(), &["--in-kernel"]].concat())?;
    // No resets by the client: whose a connection is that was reset before it was accepted, only the
    // story tells.
    let mix = "graceful,unread";
    let storm: Storm = played::play("storm", &["--connections", CONNECTIONS, "--mix", mix])?;
    // Longer than an ending takes to settle.
    thread::sleep(lab.patience(Duration::from_millis(1_500)));
    for recorder in [first, second] {
        let code = recorder.stop(Signal::SIGINT)?;
        ensure!(code == Some(0), "it ended with {code:?}");
    }
    let (events, lacks) = groups(&events)?;
    let (gathered, lacks_too) = groups(&gathered)?;
    for pid in [storm.client, storm.server].map(u64::from) {
        let event = events.get(&pid).context("no events")?;
        let kernel = gathered.get(&pid).context("nothing gathered")?;
        same(lab, event, kernel, lacks + lacks_too).with_context(|| format!("of process {pid}"))?;
    }
    Ok(())
}

/// Each number is the same in both, but for what they say they lack.
fn same(lab: &Lab, event: &Value, kernel: &Value, lacks: u64) -> anyhow::Result<()> {
    let close = |event: &Value, kernel: &Value| {
        let both = event.as_u64().zip(kernel.as_u64());
        both.is_some_and(|(event, kernel)| event.abs_diff(kernel) <= lacks)
    };
    for name in ["endings", "reset", "leaked"] {
        ensure!(
            close(&event[name], &kernel[name]),
            "{name}: {} by events, {} in the kernel",
            event[name],
            kernel[name]
        );
    }
    let all = Value::from(CONNECTIONS.parse::<u64>()?);
    ensure!(close(&event["endings"], &all), "{event}");
    let phases = |group: &Value| group["phases_ns"].as_object().cloned();
    let phases = phases(event).zip(phases(kernel)).context("no phases")?;
    // What one lacks, the other may have seen.
    let told = |of: &Value| of["count"].as_u64().is_some_and(|count| count > lacks);
    let names = |it: &serde_json::Map<String, Value>| {
        let told = it.iter().filter(|(_, numbers)| told(numbers));
        told.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let [of_events, of_kernel] = [&phases.0, &phases.1].map(names);
    ensure!(of_events == of_kernel, "{of_events:?} and {of_kernel:?}");
    ensure!(of_events.len() >= 3, "few phases were seen: {of_events:?}");
    let apart = u64::try_from(lab.patience(APART).as_nanos())?;
    for (name, event) in phases.0.iter().filter(|(_, numbers)| told(numbers)) {
        let kernel = phases.1.get(name).context("gone")?;
        ensure!(
            close(&event["count"], &kernel["count"]),
            "{name}: {event}, {kernel}"
        );
        let median = |of: &Value| of["p50"].as_u64().context("no median");
        let (event, kernel) = (median(event)?, median(kernel)?);
        // An eighth, and the hundredth of the other.
        let width = event.max(kernel) / 7 + apart;
        ensure!(
            event.abs_diff(kernel) <= width,
            "{name}: a median of {event} by events, {kernel} in the kernel"
        );
    }
    Ok(())
}

/// Where there is room for one connection, the others are counted, and said to be.
fn full(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let file = scratch.file("gathered");
    let arguments = ["--in-kernel", "--sockets", "1", "--fail-on-loss"];
    let recorder = gather(lab, &file, &arguments)?;
    let _storm: Storm = played::play("storm", &["--connections", CONNECTIONS])?;
    let code = recorder.stop(Signal::SIGINT)?;
    ensure!(code == Some(5), "it ended with {code:?}");
    let lines = lines(&std::fs::read(&file)?)?;
    let summary = of_type(&lines, "summary").next().context("no summary")?;
    let evicted = summary["evicted"].as_u64();
    ensure!(evicted.is_some_and(|it| it > 0), "{summary}");
    Ok(())
}
