//! When finrst ends by itself: after a count, after a time, with a command it runs.

use std::{process::Command, time::Duration};

use anyhow::{Context as _, bail, ensure};

use super::{Lab, Test, clock::Deadline, compare, played, tracer::Tracer};
use crate::scene::truth::Told;

/// The tests, by name.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("life/count", count),
    ("life/duration", duration),
    ("life/command_status", command_status),
    ("life/command_signal", command_signal),
    ("life/command_traced", command_traced),
];

/// A tracer with these arguments.
fn start(lab: &Lab, arguments: &[&str]) -> anyhow::Result<Tracer> {
    let arguments: Vec<_> = arguments.iter().map(|&it| it.to_owned()).collect();
    Tracer::start(lab.trace(&arguments), lab.patience(Duration::from_secs(10)))
}

/// `-c 2` ends after two endings, though four happen.
fn count(lab: &Lab) -> anyhow::Result<()> {
    let tracer = start(lab, &["-c", "2"])?;
    let _first: Told = played::play("client_closes_first", &[])?;
    let _second: Told = played::play("server_closes_first", &[])?;
    let ended = tracer.wait()?;
    ensure!(ended.status.success(), "it ended with {}", ended.status);
    let told = ended.endings.len();
    ensure!(told == 2, "{told} endings were printed instead of 2");
    let summary = ended.summary.context("there is no summary")?;
    ensure!(
        summary.endings == 2,
        "the summary counts {} endings",
        summary.endings
    );
    Ok(())
}

/// `--duration 1s` ends after a second, and tells what happened within it.
fn duration(lab: &Lab) -> anyhow::Result<()> {
    let tracer = start(lab, &["--duration", "1s"])?;
    let deadline = Deadline::after(Duration::ZERO);
    let told: Told = played::play("client_closes_first", &[])?;
    let ended = tracer.wait()?;
    let took = deadline.elapsed();
    ensure!(ended.status.success(), "it ended with {}", ended.status);
    let bounds = Duration::from_millis(500)..lab.patience(Duration::from_secs(4));
    ensure!(
        bounds.contains(&took),
        "it took {took:?}, not about a second"
    );
    compare::compare(lab, &told.expected, &ended.endings)
}

/// The status of the command becomes finrst's.
fn command_status(lab: &Lab) -> anyhow::Result<()> {
    let ended = start(lab, &["--", "sh", "-c", "exit 7"])?.wait()?;
    match ended.status.code() {
        Some(7) => Ok(()),
        _ => bail!("it ended with {} instead of status 7", ended.status),
    }
}

/// A command killed by a signal is told as shells tell it.
fn command_signal(lab: &Lab) -> anyhow::Result<()> {
    let ended = start(lab, &["--", "sh", "-c", "kill -KILL $$"])?.wait()?;
    match ended.status.code() {
        Some(137) => Ok(()),
        _ => bail!("it ended with {} instead of status 137", ended.status),
    }
}

/// The command's connections are told, those of its children too, and nobody else's.
fn command_traced(lab: &Lab) -> anyhow::Result<()> {
    let scene = played::command("exit_open", &[])?;
    let program = scene.get_program().to_string_lossy().into_owned();
    let words: Vec<_> = scene
        .get_args()
        .map(|it| it.to_string_lossy().into_owned())
        .collect();
    let script = format!("sleep 0.5; '{program}' {}", words.join(" "));
    let tracer = start(lab, &["--", "sh", "-c", &script])?;
    let other: Told = played::play("client_closes_first", &[])?;
    let ended = tracer.wait()?;
    ensure!(ended.status.success(), "it ended with {}", ended.status);
    let told = ended
        .foreign
        .iter()
        .find_map(|line| serde_json::from_str::<Told>(line).ok());
    let told = told.context("the command's own output is missing")?;
    compare::compare(lab, &told.expected, &ended.endings)?;
    let strange = ended
        .endings
        .iter()
        .any(|ending| other.expected.iter().any(|it| compare::is_of(ending, it)));
    ensure!(!strange, "a connection of another process was told");
    Ok(())
}

/// A tracer in text form, attached: it says so by tracing a scene.
pub(crate) fn text_form(lab: &Lab) -> Command {
    let mut command = Command::new(&lab.finrst);
    command.arg("trace").args(["-o", "text"]);
    if lab.way != super::Way::Auto {
        command.args(["--way", lab.way.name()]);
    }
    command
}
