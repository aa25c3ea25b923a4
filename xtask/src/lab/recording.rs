//! Recordings: what a replay tells is what the run told, byte for byte, and damage costs only what
//! follows it.

mod damage;
pub(super) mod tools;

use std::{
    fs::{self, File},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{bail, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use self::tools::{Recorder, Scratch, record, replay};
use super::{Lab, Test, played};
use crate::scene::storm::Storm;

/// The user and group `nobody`.
const NOBODY: u32 = 65_534;

/// Scenes that differ in who owns what, and in who is gone by when.
const SCENES: &[(&str, &[&str])] = &[
    ("unread_data", &[]),
    ("client_closes_first", &["--netns"]),
    ("last_closer", &[]),
    ("killed", &[]),
    ("refused", &[]),
    ("exit_open", &[]),
];

/// The tests, by name.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("record/same_bytes_perf", same_bytes_perf),
    ("record/same_bytes_ringbuf", same_bytes_ringbuf),
    ("record/same_bytes_with_events", same_bytes_with_events),
    ("record/same_bytes_with_wire", same_bytes_with_wire),
    ("record/same_bytes_of_a_command", same_bytes_of_a_command),
    ("record/same_bytes_with_losses", same_bytes_with_losses),
    ("record/told_without_privileges", told_without_privileges),
    ("record/cut_anywhere", damage::cut_anywhere),
    ("record/killed", damage::killed),
    ("record/no_room", damage::no_room),
    ("record/refusals", damage::refused),
];

fn scenes() -> anyhow::Result<()> {
    for (scene, arguments) in SCENES {
        let _told: Value = played::play(scene, arguments)?;
    }
    Ok(())
}

/// Runs `trace` with a recording while `play` plays, then replays it: nothing may differ.
pub(super) fn same_bytes(
    lab: &Lab,
    arguments: &[&str],
    view: &[&str],
    play: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let (recording, lines) = (scratch.file("recording"), scratch.file("lines"));
    let arguments: Vec<_> = [&["--record", &recording], arguments, view]
        .concat()
        .into_iter()
        .map(ToOwned::to_owned)
        .collect();
    let mut command = lab.trace(&arguments);
    let recorder = Recorder::start(lab, command.stdout(File::create(&lines)?), &lines)?;
    play()?;
    // Some endings have settled by then, others have not.
    thread::sleep(Duration::from_millis(1_200));
    let code = recorder.stop(Signal::SIGINT)?;
    ensure!(code == Some(0), "the run ended with {code:?}");
    same(&lab.finrst, &recording, &fs::read(&lines)?, view)
}

/// A replay tells these lines, among them endings.
fn same(finrst: &Path, recording: &str, lines: &[u8], view: &[&str]) -> anyhow::Result<()> {
    let again = replay(finrst, recording, &[&["-o", "json"], view].concat())?;
    let talk = String::from_utf8_lossy(&again.stderr);
    ensure!(again.status.success(), "the replay failed: {}", talk.trim());
    let (live, again) = (
        String::from_utf8_lossy(lines),
        String::from_utf8_lossy(&again.stdout),
    );
    let endings = live
        .lines()
        .filter(|line| line.contains(r#""type":"ending""#));
    ensure!(endings.count() > 1, "the run told nothing worth replaying");
    if live != again {
        let differ = live
            .lines()
            .zip(again.lines())
            .find(|(live, again)| live != again);
        bail!(
            "{} bytes became {}; first difference: {differ:?}",
            live.len(),
            again.len()
        );
    }
    Ok(())
}

/// By the perf buffer.
fn same_bytes_perf(lab: &Lab) -> anyhow::Result<()> {
    same_bytes(lab, &["--transport", "perf"], &[], scenes)
}

/// By the BPF ring buffer.
fn same_bytes_ringbuf(lab: &Lab) -> anyhow::Result<()> {
    same_bytes(lab, &["--transport", "ringbuf"], &[], scenes)
}

/// With every event.
fn same_bytes_with_events(lab: &Lab) -> anyhow::Result<()> {
    same_bytes(lab, &[], &["-v"], scenes)
}

/// With the segments on the wire.
fn same_bytes_with_wire(lab: &Lab) -> anyhow::Result<()> {
    same_bytes(lab, &["--wire", "afpacket"], &[], scenes)
}

/// A tiny buffer: losses, and times at which they were noticed.
fn same_bytes_with_losses(lab: &Lab) -> anyhow::Result<()> {
    same_bytes(
        lab,
        &["--buffer-size", "8", "--sockets", "100"],
        &[],
        || {
            let connections = (1_000 / lab.slow).max(200).to_string();
            let _storm: Storm = played::play("storm", &["--connections", &connections])?;
            scenes()
        },
    )
}

/// A command, whose end is the end of the run, and a limit.
fn same_bytes_of_a_command(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let recording = scratch.file("recording");
    let options = ["--record", &recording, "-c", "3", "--"].map(ToOwned::to_owned);
    let mut command = lab.trace(&options);
    command.arg("sh").arg("-c");
    let play = played::command("threads", &[])?;
    let program = play.get_program().display().to_string();
    command.arg(format!("{program} scene threads >&2"));
    let live = command.stdin(Stdio::null()).output()?;
    same(&lab.finrst, &recording, &live.stdout, &[])
}

/// A recording is its owner's; whom they let read it may replay, and is told the same.
fn told_without_privileges(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let (recording, copy) = (scratch.file("recording"), scratch.file("finrst"));
    let recorder = Recorder::start(lab, &mut record(lab, &["-o", &recording]), &recording)?;
    scenes()?;
    recorder.stop(Signal::SIGINT)?;
    let mode = fs::metadata(&recording)?.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "others may read it: {mode:o}");
    fs::set_permissions(&recording, fs::Permissions::from_mode(0o644))?;
    // Where finrst was built need not be open to everybody.
    fs::copy(&lab.finrst, &copy)?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755))?;
    let mut command = Command::new(&copy);
    command.args(["trace", "--replay", &recording, "-o", "json", "-v"]);
    let nobody = command.uid(NOBODY).gid(NOBODY).output()?;
    ensure!(
        nobody.status.success(),
        "nobody is refused: {}",
        String::from_utf8_lossy(&nobody.stderr).trim()
    );
    same(&lab.finrst, &recording, &nobody.stdout, &["-v"])
}
