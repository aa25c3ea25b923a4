//! What a scene expects against what finrst told.

mod differences;

use std::{fmt::Write as _, net::SocketAddr};

use anyhow::bail;

use super::{Lab, told::Ending};
use crate::scene::truth::{Expected, Seen};

/// Whether an ending is the one expected: both ends are the same, a port of zero being any.
pub(crate) fn is_of(ending: &Ending, expected: &Expected) -> bool {
    let same = |expected: SocketAddr, told: SocketAddr| {
        expected.ip() == told.ip() && (expected.port() == 0 || expected.port() == told.port())
    };
    same(expected.local, ending.connection.local.into())
        && same(expected.remote, ending.connection.remote.into())
}

/// Whether this kernel, reached this way, lets the ending be seen.
pub(crate) fn can_be_seen(lab: &Lab, expected: &Expected) -> bool {
    match expected.seen {
        Seen::Always => true,
        Seen::WithAnsweringResets => lab.sees_answering_resets(),
    }
}

/// Every expected ending is there once and as it was, and nothing else of the same connections is.
///
/// # Errors
/// Says what was expected and what came.
pub(crate) fn compare(lab: &Lab, expected: &[Expected], endings: &[Ending]) -> anyhow::Result<()> {
    let mut report = String::new();
    for expected in expected.iter().filter(|it| can_be_seen(lab, it)) {
        let mut told: Vec<_> = endings.iter().filter(|it| is_of(it, expected)).collect();
        if told.len() > 1 {
            told.retain(|it| !it.answers_for_nobody());
        }
        let wrong = match told.as_slice() {
            [ending] => {
                let mut wrong = differences::differences(lab.kernel, expected, ending);
                wrong.extend(unlinked(ending, endings));
                wrong
            }
            [] => vec!["one ending was expected, none was told".to_owned()],
            several => std::iter::once("one ending was expected, several were told:".to_owned())
                .chain(several.iter().map(|ending| in_words(ending)))
                .collect(),
        };
        if wrong.is_empty() {
            continue;
        }
        let _written = writeln!(report, "{} -> {}", expected.local, expected.remote);
        for line in wrong {
            let _written = writeln!(report, "  {line}");
        }
    }
    for ending in endings.iter().filter(|it| touches(it, expected)) {
        if !expected.iter().any(|expected| is_of(ending, expected)) {
            let (local, remote) = ends(ending);
            let told = format!("{}/{}", ending.how, ending.cause);
            let _written = writeln!(report, "{local} -> {remote}\n  nobody expected {told}");
        }
    }
    if report.is_empty() {
        return Ok(());
    }
    bail!("{}", report.trim_end())
}

/// What is wrong with how an ending names the other end, where that was told of once as well.
///
/// An answer for nobody is told before the socket that asked is known by its port.
fn unlinked(ending: &Ending, endings: &[Ending]) -> Option<String> {
    let (local, remote) = ends(ending);
    let mut others = endings
        .iter()
        .filter(|other| ends(other) == (remote, local));
    let (other, None) = (others.next()?, others.next()) else {
        return None;
    };
    if ending.answers_for_nobody() || other.answers_for_nobody() {
        return None;
    }
    let (told, known) = (&ending.connection.peer_id, &other.connection.id);
    (told != known).then(|| format!("peer_id is {told:?}, the other end goes by {known:?}"))
}

/// Whether an ending claims one end of these connections and names no other end.
fn touches(ending: &Ending, expected: &[Expected]) -> bool {
    let (local, remote) = ends(ending);
    remote.port() == 0 && expected.iter().any(|it| it.local == local)
}

/// The acts of an ending and when they were.
fn in_words(ending: &Ending) -> String {
    let acts = ending
        .acts
        .iter()
        .map(|act| format!("{}/{} at {}", act.how, act.cause, act.mono_ns));
    acts.collect::<Vec<_>>().join(", ")
}

/// Both ends, local first.
fn ends(ending: &Ending) -> (SocketAddr, SocketAddr) {
    let connection = &ending.connection;
    (connection.local.into(), connection.remote.into())
}
