//! How finrst stops when it is told to, and when it is not asked.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::Signal;

use super::{Lab, Test, clock::Deadline, kernel, lifecycle, played, tracer::Tracer};
use crate::scene::truth::Told;

/// The tests, by name.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("stop/interrupted", interrupted),
    ("stop/terminated", terminated),
    ("stop/text_summary_on_stderr", text_summary),
    ("stop/stdout_closed", stdout_closed),
    ("stop/killed_leaves_nothing", killed),
];

/// A tracer with no filter.
fn start(lab: &Lab) -> anyhow::Result<Tracer> {
    Tracer::start(lab.trace(&[]), lab.patience(Duration::from_secs(10)))
}

/// SIGINT is no failure, and what had happened is told.
fn interrupted(lab: &Lab) -> anyhow::Result<()> {
    drained(lab, Signal::SIGINT)
}

/// SIGTERM is the same.
fn terminated(lab: &Lab) -> anyhow::Result<()> {
    drained(lab, Signal::SIGTERM)
}

/// A signal right after a scene: the endings that have not settled are told all the same.
fn drained(lab: &Lab, signal: Signal) -> anyhow::Result<()> {
    let tracer = start(lab)?;
    let told: Told = played::play("unread_data", &[])?;
    tracer.signal(signal)?;
    let ended = tracer.wait()?;
    ensure!(ended.status.success(), "it ended with {}", ended.status);
    super::compare::compare(lab, &told.expected, &ended.endings)?;
    super::scenes::accounted(ended.summary)
}

/// In text form stdout has the endings and stderr the summary.
fn text_summary(lab: &Lab) -> anyhow::Result<()> {
    let mut child = lifecycle::text_form(lab)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    let mut lines = BufReader::new(child.stdout.take().context("stdout is piped")?);
    // Text has no `start` line, so scenes are played until one of them is told.
    let player = thread::spawn(|| {
        for _ in 0..20 {
            let _told = played::play::<Told>("unread_data", &[]);
            thread::sleep(Duration::from_millis(200));
        }
    });
    let mut line = String::new();
    while !line.contains("fr-server") {
        line.clear();
        ensure!(lines.read_line(&mut line)? > 0, "finrst ended by itself");
    }
    nix::sys::signal::kill(pid, Signal::SIGINT)?;
    let mut talk = String::new();
    let mut stderr = child.stderr.take().context("stderr is piped")?;
    stderr.read_to_string(&mut talk)?;
    let status = child.wait()?;
    ensure!(player.join().is_ok(), "the scenes could not be played");
    ensure!(status.success(), "it ended with {status}");
    ensure!(
        talk.contains("lost"),
        "stderr has no summary: {}",
        talk.trim()
    );
    Ok(())
}

/// When nobody reads any more, it goes quietly.
fn stdout_closed(lab: &Lab) -> anyhow::Result<()> {
    let mut child = lab
        .trace(&[])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("stdout is piped")?);
    let mut line = String::new();
    lines.read_line(&mut line)?;
    drop(lines);
    goes_quietly(lab, child, "unread_data")
}

/// Nobody reads a run's output any more: while a scene is played it ends, and says nothing of it.
pub(super) fn goes_quietly(lab: &Lab, mut child: Child, scene: &str) -> anyhow::Result<()> {
    let deadline = Deadline::after(lab.patience(Duration::from_secs(10)));
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if deadline.left().is_zero() {
            child.kill()?;
            child.wait()?;
            bail!("it went on although nobody reads");
        }
        let _told: Told = played::play(scene, &[])?;
        thread::sleep(Duration::from_millis(100));
    };
    let mut talk = String::new();
    let mut stderr = child.stderr.take().context("stderr is piped")?;
    stderr.read_to_string(&mut talk)?;
    ensure!(status.success(), "it ended with {status}: {}", talk.trim());
    let quiet = !talk.contains("panicked") && !talk.to_lowercase().contains("broken pipe");
    ensure!(quiet, "it complained: {}", talk.trim());
    Ok(())
}

/// SIGKILL: the kernel holds no program of finrst's any more.
fn killed(lab: &Lab) -> anyhow::Result<()> {
    killed_with(lab, &[])
}

/// As [`killed`], for a finrst with these arguments.
pub(super) fn killed_with(lab: &Lab, arguments: &[&str]) -> anyhow::Result<()> {
    let before = kernel::bpf_programs()?;
    let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
    let patience = lab.patience(Duration::from_secs(10));
    let tracer = Tracer::start(lab.trace(&arguments), patience)?;
    let during = kernel::bpf_programs()?;
    let new: Vec<_> = during.iter().filter(|id| !before.contains(id)).collect();
    ensure!(
        !new.is_empty(),
        "no program was attached in the first place"
    );
    tracer.signal(Signal::SIGKILL)?;
    let _ended = tracer.wait()?;
    // Programs are freed after a grace period, by a worker of the kernel.
    let deadline = Deadline::after(lab.patience(Duration::from_secs(5)));
    loop {
        let after = kernel::bpf_programs()?;
        let left = new.iter().filter(|id| after.contains(id)).count();
        if left == 0 {
            return Ok(());
        }
        if deadline.left().is_zero() {
            bail!("{left} of {} programs are still there", new.len());
        }
        thread::sleep(Duration::from_millis(50));
    }
}
