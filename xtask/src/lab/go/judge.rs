//! What finrst says of one end of a connection, held against what its program says of itself.

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{
    super::told::{Asked, Ending},
    Expected,
};

/// Compares what is told of an end with what its program says of itself.
pub(super) fn judge(expected: &Expected, endings: &[Ending]) -> anyhow::Result<()> {
    let ours = |ending: &&Ending| {
        let (local, remote) = (ending.connection.local.port, ending.connection.remote.port);
        (local, remote) == (expected.local, expected.remote)
    };
    let mut endings: Vec<_> = endings.iter().filter(ours).collect();
    // What waits for its stacks is told after what needs none.
    endings.sort_by_key(|ending| ending.acts.first().map(|act| act.mono_ns));
    let causes: Vec<_> = endings.iter().map(|ending| &ending.cause).collect();
    ensure!(
        causes.iter().copied().eq(&expected.causes),
        "expected {:?}, told {causes:?}",
        expected.causes
    );
    actors(expected, &endings)?;
    askers(expected, &endings)?;
    let last = endings.last().context("there is an ending")?;
    ensure!(
        expected.initiator.is_none() || last.initiator == expected.initiator,
        "begun by {:?}, told {:?}",
        expected.initiator,
        last.initiator
    );
    let before = endings.iter().rev().nth(1);
    let before = before.and_then(|ending| ending.connection.id.as_ref());
    ensure!(
        !expected.takes_over || (before.is_some() && last.connection.after.as_ref() == before),
        "took over from {before:?}, told {:?}",
        last.connection.after
    );
    Ok(())
}

/// Everything the program does to the end, its goroutine does; and where, the stack says.
fn actors(expected: &Expected, endings: &[&Ending]) -> anyhow::Result<()> {
    let goroutine = Some(expected.goroutine).filter(|&number| number > 0);
    let acts = endings.iter().flat_map(|ending| &ending.acts);
    let by_tasks: Vec<_> = acts.filter(|act| act.actor.context == "task").collect();
    ensure!(
        by_tasks.iter().all(|act| act.actor.goroutine == goroutine)
            && (goroutine.is_none() || !by_tasks.is_empty()),
        "by goroutine {goroutine:?}, told {by_tasks:?}"
    );
    // A goroutine that closes for another one does so elsewhere.
    if goroutine.is_none() || ![0, expected.goroutine].contains(&expected.asker) {
        return Ok(());
    }
    let acts = endings.iter().flat_map(|ending| &ending.acts);
    let stacks = endings
        .iter()
        .map(|ending| &ending.stack)
        .chain(acts.map(|act| &act.stack));
    let places: Vec<_> = stacks
        .filter_map(|stack| place(stack.get("user")?))
        .collect();
    ensure!(
        places.contains(&expected.place),
        "at {}, told {places:?}",
        expected.place
    );
    Ok(())
}

/// Who calls `Close` is told, and where; and of nobody it is told who does not.
fn askers(expected: &Expected, endings: &[&Ending]) -> anyhow::Result<()> {
    let asked = endings.iter().filter_map(|ending| ending.asked.as_ref());
    let told: Vec<_> = asked.map(caller).collect();
    let meant = (Some(expected.asker), Some(expected.place.clone()));
    ensure!(
        told.contains(&meant) || (expected.asker == 0 && told.is_empty()),
        "asked for by {meant:?}, told {told:?}"
    );
    Ok(())
}

/// Which goroutine called, and where.
pub(super) fn caller(asked: &Asked) -> (Option<u64>, Option<String>) {
    (asked.goroutine, place(&asked.user))
}

/// The innermost line of a stack that is a program's own.
fn place(frames: &Value) -> Option<String> {
    let text = |frame: &Value, name| frame.get(name)?.as_str().map(str::to_owned);
    let own =
        |frame: &&Value| text(frame, "function").is_some_and(|name| name.starts_with("main."));
    let frame = frames.as_array()?.iter().find(own)?;
    let path = text(frame, "file")?;
    let (_, file) = path.rsplit_once('/')?;
    Some(format!("{file}:{}", frame.get("line")?))
}
