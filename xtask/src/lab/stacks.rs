//! Stacks: an ending says which line of which function of the program called for it, and through
//! which functions of the kernel it went.

pub(super) mod compiled;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{Lab, Test, compare::is_of, played, told::Ending, tracer::Tracer};
use crate::scene::truth::Told;

/// The tests of every kernel, by name.
pub(crate) const TESTS: &[(&str, Test)] = &[("stack/of_resets_alone", of_resets_alone)];

/// The tests, by name, of what is the same on every kernel.
pub(crate) const REAL: &[(&str, Test)] = &[
    ("stack/kernel_alone", kernel_alone),
    ("stack/none_when_told_so", none),
    ("stack/of_a_stand_in", of_a_stand_in),
];

/// How long a first ending may take to be told.
const TOLD: Duration = Duration::from_secs(8);

/// The frames of one side.
fn frames<'a>(ending: &'a Ending, side: &str) -> anyhow::Result<&'a Vec<Value>> {
    let frames = ending.stack.get(side).and_then(Value::as_array);
    frames.with_context(|| format!("there is no {side} stack: {}", ending.stack))
}

/// A member of a frame; null where there is none.
fn field<'a>(frame: &'a Value, name: &str) -> &'a Value {
    frame.get(name).unwrap_or(&Value::Null)
}

/// A reset has its stacks, whichever way the hook is attached, and the connection that ended by
/// FINs has none.
fn of_resets_alone(lab: &Lab) -> anyhow::Result<()> {
    let scenes = ["unread_data", "client_closes_first"];
    let (mut resets, mut others) = (0, 0);
    for ending in endings(lab, &[], &scenes)? {
        if ending.how == "rst_sent" {
            through_the_kernel(frames(&ending, "kernel")?)?;
            let user = frames(&ending, "user")?;
            ensure!(!user.is_empty(), "no stack of the program");
            resets += 1;
        } else {
            ensure!(ending.stack.is_null(), "nobody asked for it: {ending:?}");
            others += 1;
        }
    }
    ensure!(
        (resets, others) == (1, 3),
        "{resets} resets, {others} others"
    );
    Ok(())
}

/// The functions from the close to the reset, and nothing of the hook's own.
fn through_the_kernel(frames: &[Value]) -> anyhow::Result<()> {
    let functions = frames.iter().map(|frame| field(frame, "function"));
    let named: Vec<_> = functions.filter_map(Value::as_str).collect();
    for function in ["tcp_close", "inet_release"] {
        let found = named.iter().any(|name| name.contains(function));
        ensure!(found, "no {function}: {frames:#?}");
    }
    let ours = |name: &&str| name.starts_with("bpf_") || name.starts_with("__bpf");
    ensure!(!named.iter().any(ours), "the hook is in it: {frames:#?}");
    Ok(())
}

fn kernel_alone(lab: &Lab) -> anyhow::Result<()> {
    let ending = reset(lab, &["--stack", "kernel"])?;
    through_the_kernel(frames(&ending, "kernel")?)?;
    let absent = ending.stack.get("user_absent").and_then(Value::as_str);
    ensure!(absent == Some("not_asked"), "{}", ending.stack);
    Ok(())
}

fn none(lab: &Lab) -> anyhow::Result<()> {
    let ending = reset(lab, &["--stack", "none"])?;
    ensure!(ending.stack.is_null(), "a stack nobody asked for");
    Ok(())
}

/// An answer for a connection that is over has the kernel's stack, beside a capture and without; the
/// program has no part in it.
fn of_a_stand_in(lab: &Lab) -> anyhow::Result<()> {
    for arguments in [&[][..], &["--wire"]] {
        let told = endings(lab, arguments, &["data_after_close"])?;
        let mut told = told.into_iter();
        let answer = told.find(|ending| ending.how == "rst_sent");
        let answer = answer.context("no answer was told")?;
        let names = frames(&answer, "kernel")?.iter();
        let mut names = names.filter_map(|frame| field(frame, "function").as_str());
        let receives = names.any(|name| name.contains("tcp_v4_rcv"));
        ensure!(receives, "{arguments:?}: {}", answer.stack);
    }
    Ok(())
}

/// The reset of a scene.
fn reset(lab: &Lab, arguments: &[&str]) -> anyhow::Result<Ending> {
    let told = endings(lab, arguments, &["unread_data"])?;
    let mut told = told.into_iter();
    let reset = told.find(|ending| ending.how == "rst_sent");
    reset.context("no reset was told")
}

/// The endings of some scenes, and of nobody else on the machine.
fn endings(lab: &Lab, arguments: &[&str], scenes: &[&str]) -> anyhow::Result<Vec<Ending>> {
    let mut command = lab.trace_with_stacks();
    command.args(arguments);
    let mut tracer = Tracer::start(command, lab.patience(TOLD))?;
    let mut expected = Vec::new();
    for scene in scenes {
        let told: Told = played::play(scene, &[])?;
        expected.extend(told.expected);
    }
    let is_told = |endings: &[Ending], it| endings.iter().any(|ending| is_of(ending, it));
    tracer.watch(lab.patience(TOLD), |endings| {
        expected.iter().all(|it| is_told(endings, it))
    })?;
    let ended = tracer.stop()?;
    super::scenes::accounted(ended.summary)?;
    let mut endings = ended.endings;
    endings.retain(|ending| expected.iter().any(|it| is_of(ending, it)));
    Ok(endings)
}
