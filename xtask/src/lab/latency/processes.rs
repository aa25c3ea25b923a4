//! Two running processes held against each other: of endings, and gathered in the kernel.

use std::{fs::File, process::Command, thread, time::Duration};

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use serde::Deserialize;
use serde_json::Value;

use super::{CONNECTIONS, lines, of_type};
use crate::{
    lab::{
        Lab, Way,
        played::Held,
        recording::tools::{Recorder, Scratch},
    },
    scene::storm::{LATE, Storm},
};

/// One server closes at once when its client did, the other some milliseconds later: both are told apart,
/// by both modes, and the difference is that time and no chance.
pub(super) fn compared(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let storms = [held("graceful")?, held("late")?];
    let pids = storms.each_ref().map(|it| it.ready.server.to_string());
    let modes: [&[&str]; 2] = [&[], &["--in-kernel"]];
    let mut running = Vec::new();
    for (number, mode) in modes.into_iter().enumerate() {
        let file = scratch.file(&number.to_string());
        let mut command = Command::new(&lab.finrst);
        command.args(["latency", "-q", "-o", "json", "--compare"]);
        command.args(&pids).args(mode);
        if lab.way != Way::Auto {
            command.args(["--way", lab.way.name()]);
        }
        let recorder = Recorder::start(lab, command.stdout(File::create(&file)?), &file)?;
        running.push((file, recorder));
    }
    for storm in storms {
        let _told: Storm = storm.play()?;
    }
    // Longer than an ending takes to settle.
    thread::sleep(lab.patience(Duration::from_millis(1_500)));
    for (file, recorder) in running {
        let code = recorder.stop(Signal::SIGINT)?;
        ensure!(code == Some(0), "it ended with {code:?}");
        let lines = lines(&std::fs::read(&file)?)?;
        let told = of_type(&lines, "difference").next();
        told_apart(told.context("no difference is told")?, &pids)?;
        ensure!(of_type(&lines, "summary").count() == 1, "no summary");
    }
    refused(lab, &pids)
}

/// What a storm says of itself before it breaks out.
#[derive(Deserialize)]
struct Ready {
    server: u32,
}

fn held(mix: &str) -> anyhow::Result<Held<Ready>> {
    Held::new("storm", &["--connections", CONNECTIONS, "--mix", mix])
}

fn told_apart(told: &Value, pids: &[String; 2]) -> anyhow::Result<()> {
    for (side, pid) in ["before", "after"].into_iter().zip(pids) {
        let name = told.get(side).and_then(Value::as_str).unwrap_or_default();
        ensure!(name == format!("fr-server[{pid}]"), "{side} is {name}");
        let endings = told.pointer(&format!("/endings/{side}"));
        let endings = endings.and_then(Value::as_u64);
        let all = CONNECTIONS.parse().ok();
        ensure!(endings == all, "{side}: {endings:?} endings");
    }
    let median = told.pointer("/phases_ns/close_wait/p50");
    let median = median.with_context(|| told.to_string())?;
    let number = |name: &str| median[name].as_f64().context("no number");
    // Buckets of the kernel half are an eighth wide.
    let late = LATE.as_secs_f64() * 1e9 * 7.0 / 8.0;
    let (after, low) = (number("after")?, number("low")?);
    ensure!(after >= late && low > late / 2.0, "{median}");
    Ok(())
}

/// Processes that ended are nothing to compare, and it is said which.
fn refused(lab: &Lab, [gone, _]: &[String; 2]) -> anyhow::Result<()> {
    let mut command = Command::new(&lab.finrst);
    let said = command.args(["latency", "--compare", "1", gone]).output()?;
    let talk = String::from_utf8_lossy(&said.stderr);
    let expected = format!("there is no process {gone}");
    ensure!(
        said.status.code() == Some(2) && talk.contains(&expected),
        "{}: {talk}",
        said.status
    );
    Ok(())
}
