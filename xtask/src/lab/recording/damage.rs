//! Recordings that were cut, killed, or had no room, and what is none.

use std::{fs, process::Command, thread, time::Duration};

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;

use super::tools::{Recorder, Scratch, endings, record, replay};
use crate::{
    lab::{Lab, compare, played, refusals, scenes, tracer::Tracer},
    scene::{storm::Storm, truth::Told},
};

/// Wherever a recording is cut, its replay tells the beginning of what the whole one tells, then
/// what was under way at the cut, and says that something is missing.
pub(super) fn cut_anywhere(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let (recording, cut) = (scratch.file("recording"), scratch.file("cut"));
    let recorder = Recorder::start(lab, &mut record(lab, &["-o", &recording]), &recording)?;
    for _ in 0..4 {
        let _storm: Storm = played::play("storm", &["--connections", "200"])?;
        thread::sleep(Duration::from_millis(600));
    }
    recorder.stop(Signal::SIGINT)?;
    let bytes = fs::read(&recording)?;
    let whole = replay(&lab.finrst, &recording, &["-o", "json"])?;
    ensure!(whole.status.success(), "the whole recording is refused");
    let whole = String::from_utf8(whole.stdout)?;
    let mut longest = 0;
    for place in 1..24 {
        // The whole file but a few bytes is the last one.
        let end = bytes.len() * place / 23 - usize::from(place == 23) * 5;
        fs::write(&cut, bytes.get(..end).unwrap_or_default())?;
        let told = replay(&lab.finrst, &cut, &["-o", "json"])?;
        let talk = String::from_utf8_lossy(&told.stderr);
        let whole_but_for_its_checksum = place == 23 && told.status.success();
        ensure!(
            whole_but_for_its_checksum
                || told.status.code() == Some(1) && talk.contains("in the middle"),
            "cut at {end}: it ended with {}: {}",
            told.status,
            talk.trim()
        );
        let told = String::from_utf8(told.stdout)?;
        let same = told
            .lines()
            .zip(whole.lines())
            .take_while(|(a, b)| a == b)
            .count();
        let rest: Vec<_> = told.lines().skip(same).collect();
        let closing = |line: &&str| {
            line.contains(r#""type":"ending""#) || line.contains(r#""type":"summary""#)
        };
        ensure!(
            same > 0,
            "cut at {end}: not even the first line is the same"
        );
        ensure!(
            rest.iter().all(closing),
            "cut at {end}: {} lines are of no run",
            rest.len()
        );
        ensure!(same >= longest, "cut at {end}: less is told of more");
        longest = same;
    }
    ensure!(longest > 400, "only {longest} lines are the same");
    Ok(())
}

/// SIGKILL: what was older than a second is in the file.
pub(super) fn killed(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let recording = scratch.file("recording");
    let recorder = Recorder::start(lab, &mut record(lab, &["-o", &recording]), &recording)?;
    let told: Told = played::play("unread_data", &[])?;
    thread::sleep(lab.patience(Duration::from_millis(1_500)));
    recorder.stop(Signal::SIGKILL)?;
    let left = replay(&lab.finrst, &recording, &["-o", "json"])?;
    let talk = String::from_utf8_lossy(&left.stderr);
    ensure!(
        left.status.code() == Some(1) && talk.contains("in the middle"),
        "it ended with {}: {}",
        left.status,
        talk.trim()
    );
    compare::compare(lab, &told.expected, &endings(&left.stdout)?)
}

/// No room for the recording: it is said, tracing goes on, and what was written can be replayed.
pub(super) fn no_room(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let recording = scratch.file("recording");
    let trace = lab.trace(&["--record".to_owned(), recording.clone()]);
    let mut limited = Command::new("sh");
    // Blocks of 512 bytes or 1 KiB; the pipe that the lines go to has no such limit.
    limited.args(["-c", r#"trap "" XFSZ; ulimit -f 128; exec "$@""#, "sh"]);
    limited.arg(trace.get_program()).args(trace.get_args());
    let mut tracer = Tracer::start(limited, lab.patience(Duration::from_secs(20)))?;
    let _storm: Storm = played::play("storm", &["--connections", "1000"])?;
    tracer.watch(lab.patience(Duration::from_millis(1_500)), |_| false)?;
    let told: Told = played::play("unread_data", &[])?;
    tracer.watch(lab.patience(scenes::SETTLED), |endings| {
        scenes::complete(lab, &told, endings)
    })?;
    let ended = tracer.stop()?;
    ensure!(
        ended.status.code() == Some(1),
        "it ended with {}",
        ended.status
    );
    let said = ended.talk.matches("cannot record to").count();
    ensure!(said == 1, "it was said {said} times: {}", ended.talk.trim());
    compare::compare(lab, &told.expected, &ended.endings)?;
    scenes::accounted(ended.summary)?;
    let left = replay(&lab.finrst, &recording, &["-o", "json"])?;
    ensure!(
        left.status.code() == Some(1),
        "the replay ended with {}",
        left.status
    );
    ensure!(
        !endings(&left.stdout)?.is_empty(),
        "nothing was left to replay"
    );
    Ok(())
}

/// What makes no sense is refused: each with the documented code and a reason.
pub(super) fn refused(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let there = scratch.file("there");
    fs::write(&there, "something else\n")?;
    let with = |arguments: &[&str]| {
        let mut command = Command::new(&lab.finrst);
        command.args(arguments);
        command
    };
    let cases: [(&[&str], &str); 6] = [
        (&["record", "-o", &there], "--force"),
        (&["trace", "--record", &there], "--force"),
        (&["trace", "--record", "-"], "record -o -"),
        (&["trace", "--replay", &there], "no recording"),
        (&["trace", "--replay", "/nonexistent"], "/nonexistent"),
        (&["trace", "--replay", &there, "-p", "1"], "--pid"),
    ];
    for (arguments, reason) in cases {
        refusals::ends_with(lab, with(arguments), 2, reason)
            .with_context(|| arguments.join(" "))?;
    }
    let untouched = fs::read_to_string(&there)?;
    ensure!(untouched == "something else\n", "it was overwritten");
    Ok(())
}
