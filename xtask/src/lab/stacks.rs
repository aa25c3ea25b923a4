//! Stacks: an ending says which line of which function of the program called for it, and through
//! which functions of the kernel it went.

pub(super) mod compiled;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{Lab, Test, played, told::Ending, tracer::Tracer};

/// The tests of every kernel, by name.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("stack/kernel_functions", kernel_functions),
    ("stack/none_when_told_so", none),
    ("stack/resets_alone_without_a_word", resets_alone),
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

/// The kernel's functions from the close to the reset, whichever way the hook is attached.
fn kernel_functions(lab: &Lab) -> anyhow::Result<()> {
    let ending = reset_of_a_scene(lab, &["--stack", "kernel"])?;
    let kernel = frames(&ending, "kernel")?;
    for function in ["tcp_close", "inet_release"] {
        let found = kernel.iter().any(|frame| {
            let name = field(frame, "function").as_str().unwrap_or_default();
            name.contains(function)
        });
        ensure!(found, "no {function}: {kernel:#?}");
    }
    let ours = kernel.iter().any(|frame| {
        let name = field(frame, "function").as_str().unwrap_or_default();
        name.starts_with("bpf_") || name.starts_with("__bpf")
    });
    ensure!(!ours, "the hook is in its own stack: {kernel:#?}");
    let absent = ending.stack.get("user_absent").and_then(Value::as_str);
    ensure!(
        absent == Some("not_asked"),
        "a program's stack nobody asked for"
    );
    Ok(())
}

fn none(lab: &Lab) -> anyhow::Result<()> {
    let ending = reset_of_a_scene(lab, &["--stack", "none"])?;
    ensure!(ending.stack.is_null(), "a stack nobody asked for");
    Ok(())
}

/// The reset has its stacks; the connection that ended by FINs has none.
fn resets_alone(lab: &Lab) -> anyhow::Result<()> {
    let ending = reset_of_a_scene(lab, &[])?;
    ensure!(!frames(&ending, "kernel")?.is_empty(), "no kernel stack");
    ensure!(
        !frames(&ending, "user")?.is_empty(),
        "no stack of the program"
    );
    let fin = |endings: &[Ending]| endings.iter().any(|it| it.how == "fin_sent");
    let graceful = scene(lab, &[], "client_closes_first", fin)?;
    let taken = graceful.iter().find(|ending| !ending.stack.is_null());
    ensure!(taken.is_none(), "a stack nobody asked for: {taken:?}");
    Ok(())
}

fn reset_of_a_scene(lab: &Lab, arguments: &[&str]) -> anyhow::Result<Ending> {
    let sent = |endings: &[Ending]| endings.iter().any(|it| it.how == "rst_sent");
    let endings = scene(lab, arguments, "unread_data", sent)?;
    let mut endings = endings.into_iter();
    let reset = endings.find(|ending| ending.how == "rst_sent");
    reset.context("no reset was told")
}

fn scene(
    lab: &Lab,
    arguments: &[&str],
    name: &str,
    enough: impl Fn(&[Ending]) -> bool,
) -> anyhow::Result<Vec<Ending>> {
    let arguments: Vec<_> = arguments.iter().map(|&it| it.to_owned()).collect();
    let mut tracer = Tracer::start(lab.trace(&arguments), lab.patience(TOLD))?;
    let _told: Value = played::play(name, &[])?;
    tracer.watch(lab.patience(TOLD), enough)?;
    let ended = tracer.stop()?;
    super::scenes::accounted(ended.summary)?;
    Ok(ended.endings)
}
