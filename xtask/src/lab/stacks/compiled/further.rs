//! Stacks that are named later and elsewhere, and one that is longer than what is taken of it.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{
    super::{super::recording::tools, field, frames},
    Scratch, is, lines_are_told, reset_by, reset_under, run,
};
use crate::lab::Lab;

/// A program that resets a connection of its own in a recursion of `DEPTH` calls.
const RECURSION: &str = include_str!("../recursion.c");

/// What was recorded of a program without names is named on replay, by the file with what was stripped
/// off it or by the whole one; without those it is told as it was.
pub(super) fn named_elsewhere(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new("elsewhere")?;
    let arguments = ["-O1", "-fno-omit-frame-pointer", "-Wl,--build-id"];
    let program = scratch.compile(&arguments)?;
    let [lines, whole, nothing] = ["lines", "whole", "nothing"].map(|name| scratch.0.join(name));
    for directory in [&whole, &nothing] {
        fs::create_dir(directory)?;
    }
    fs::copy(&program, whole.join("under-any-name"))?;
    let debug = scratch.0.join("reset.debug");
    let objcopy =
        |argument, files: &[&Path]| run(Command::new("objcopy").arg(argument).args(files));
    objcopy("--only-keep-debug", &[&program, &debug])?;
    objcopy("--strip-all", &[&program])?;
    let recording = scratch.0.join("recording");
    let recorded = ["--record", &recording.display().to_string()];
    let live = reset_under(lab, &recorded, &mut Command::new(&program), true)?;
    let user = frames(&live, "user")?;
    ensure!(!user.iter().any(|it| is(it, "main")), "named: {user:#?}");
    let mut own = user.iter().filter(|it| {
        let module = field(it, "module").as_str().unwrap_or_default();
        module.ends_with("/reset")
    });
    let id = own.next().and_then(|it| field(it, "build_id").as_str());
    let id = id.context("no build id")?;
    let (prefix, rest) = id.split_at_checked(2).context("a build id of one digit")?;
    let below = lines.join(".build-id").join(prefix);
    fs::create_dir_all(&below)?;
    fs::rename(&debug, below.join(format!("{rest}.debug")))?;
    fs::remove_file(&program)?;

    let replay = |symbols: Option<&Path>| {
        let mut arguments = vec!["-o", "json"];
        let directory = symbols.map(|it| it.display().to_string());
        arguments.extend(directory.iter().flat_map(|it| ["--symbols", it.as_str()]));
        tools::replay(&lab.finrst, recorded[1], &arguments)
    };
    let plain = replay(None)?;
    for directory in [&lines, &whole] {
        let told = tools::endings(&replay(Some(directory))?.stdout)?;
        let mut told = told.into_iter().filter(|it| it.how == "rst_sent");
        let named = told.find(|it| it.connection.local.port == live.connection.local.port);
        let named = named.with_context(|| format!("no reset by {}", directory.display()))?;
        lines_are_told(&named)?;
    }
    let in_vain = replay(Some(&nothing))?;
    ensure!(in_vain.stdout == plain.stdout, "told otherwise");
    let said = String::from_utf8_lossy(&in_vain.stderr);
    ensure!(said.contains(id), "nothing is said of {id}: {said}");
    let refused = replay(Some(&scratch.0.join("absent")))?;
    ensure!(refused.status.code() == Some(2), "{refused:?}");
    Ok(())
}

/// A stack that goes on beyond what the hook takes says so, and one that does not is whole.
pub(super) fn too_deep(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new("deep")?;
    for (depth, truncated) in [(300, true), (20, false)] {
        let depth = format!("-DDEPTH={depth}");
        let arguments = ["-O1", "-fno-omit-frame-pointer", &depth];
        let program = scratch.compile_that(RECURSION, &arguments)?;
        let ending = reset_by(lab, &mut Command::new(program), true)?;
        let user = frames(&ending, "user")?;
        let calls = user.iter().filter(|it| is(it, "descend")).count();
        ensure!(calls > 20, "{depth}: {calls} calls are told");
        let told = ending.stack.get("truncated").and_then(Value::as_bool);
        ensure!(told == Some(truncated), "{depth}: truncated is {told:?}");
    }
    Ok(())
}

/// `finrst latency` tells apart by the call that closed.
pub(super) fn gathered(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new("gathered")?;
    let program = scratch.compile(&["-O1", "-fno-omit-frame-pointer"])?;
    // Connected for a moment, so that finrst has the program's files before it is gone.
    let script = format!(
        "(sleep 1; echo; sleep 1) | {} > /dev/null",
        program.display()
    );
    let output = Command::new(&lab.finrst)
        .args(["latency", "-q", "-o", "json", "--by", "function", "--"])
        .args(["sh", "-c", &script])
        .output()?;
    let talk = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "it failed: {}", talk.trim());
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<Value> = told
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let ours = |line: &&Value| field(line, "function") == "hang_up at reset.c:10";
    let group = lines.iter().find(ours);
    let group = group.with_context(|| format!("nothing of that call: {told}"))?;
    ensure!(*field(group, "reset") == 1, "another number: {group}");
    Ok(())
}
