//! What a scene expects against what finrst told.

pub(super) mod differences;

use std::{fmt::Write as _, net::SocketAddr};

use anyhow::bail;
use differences::Lenience;

use super::{
    Lab,
    told::{Ending, Kind},
};
use crate::scene::truth::{Expected, Known, Seen};

/// Whether an ending is the one expected: of the same end, and of the same kind.
pub(crate) fn is_of(ending: &Ending, expected: &Expected) -> bool {
    // One end can answer several segments in the name of a socket that goes on, each for its reason.
    let cause = expected.decisive().is_some_and(|it| it.1 == ending.cause);
    let answer = !expected.answer || cause;
    same_end(ending, expected) && ending.kind() == expected.kind() && answer
}

/// Whether an ending is of the end expected: addresses and ports are the same, a port of zero being
/// any, and so is the namespace where the scene has several.
fn same_end(ending: &Ending, expected: &Expected) -> bool {
    let same = |expected: SocketAddr, told: SocketAddr| {
        expected.ip() == told.ip() && (expected.port() == 0 || expected.port() == told.port())
    };
    let connection = &ending.connection;
    same(expected.local, connection.local.into())
        && same(expected.remote, connection.remote.into())
        && (expected.netns.is_none() || expected.netns == connection.netns)
}

/// What need not be told of an ending here.
pub(super) fn lenience(lab: &Lab, expected: &Expected) -> Lenience {
    Lenience {
        owner: match expected.known {
            Known::Always => false,
            Known::ByFunctions => !lab.functions,
            Known::Perhaps => true,
        },
        holders: lab.slow > 1,
        times: lab.slow > 1,
    }
}

/// Whether a cause was told for no more than that the machine is slow.
pub(crate) fn by_slowness(lab: &Lab, expected: &str, told: &str) -> bool {
    lab.slow > 1 && expected != told && differences::untimed(told) == Some(expected)
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
        let told: Vec<_> = endings.iter().filter(|it| is_of(it, expected)).collect();
        let wrong = match told.as_slice() {
            [ending] => unlike(lab, expected, ending, endings),
            [] => vec!["one ending was expected, none was told".to_owned()],
            // What was sent again is answered again.
            answers if expected.answer => answers
                .iter()
                .flat_map(|ending| unlike(lab, expected, ending, endings))
                .collect(),
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
            let told = in_words(ending);
            let _written = writeln!(report, "{local} -> {remote}\n  nobody expected {told}");
        }
    }
    if report.is_empty() {
        return Ok(());
    }
    bail!("{}", report.trim_end())
}

/// What is wrong with an ending.
fn unlike(lab: &Lab, expected: &Expected, ending: &Ending, endings: &[Ending]) -> Vec<String> {
    let lenience = lenience(lab, expected);
    let mut wrong = differences::differences(lab.kernel, lenience, expected, ending);
    wrong.extend(unlinked(ending, endings));
    wrong.extend(unrelated(expected, ending, endings));
    wrong
}

/// What is wrong with how an ending names the other end, where that was told of once as well.
///
/// An answer for nobody is told before the socket that asked is known by its port.
fn unlinked(ending: &Ending, endings: &[Ending]) -> Option<String> {
    let (local, remote) = ends(ending);
    let mut others = endings.iter().filter(|other| {
        let same_place = other.connection.netns == ending.connection.netns;
        ends(other) == (remote, local) && same_place && other.kind() == Kind::Own
    });
    let (other, None) = (others.next()?, others.next()) else {
        return None;
    };
    if ending.kind() != Kind::Own {
        return None;
    }
    let (told, known) = (&ending.connection.peer_id, &other.connection.id);
    (told != known).then(|| format!("peer_id is {told:?}, the other end goes by {known:?}"))
}

/// What is wrong with how an ending names the one of the same end that came before it.
fn unrelated(expected: &Expected, ending: &Ending, endings: &[Ending]) -> Option<String> {
    let kind = match expected.kind() {
        Kind::Own => Kind::HeldOpen,
        Kind::Answer if expected.late => Kind::Own,
        Kind::Answer | Kind::HeldOpen => return None,
    };
    let mut earlier = endings.iter().filter(|other| {
        let same_place = other.connection.netns == ending.connection.netns;
        ends(other) == ends(ending) && same_place && other.kind() == kind
    });
    let known = &earlier.next()?.connection.id;
    let (id, after) = (&ending.connection.id, &ending.connection.after);
    let same = kind != Kind::HeldOpen || id == known;
    (known.is_none() || after != known || !same)
        .then(|| format!("id {id:?} after {after:?}, the one before goes by {known:?}"))
}

/// Whether an ending claims something of these connections: it names one end and no other, or the
/// end, unless it is an answer to a segment that came late, which nobody can rule out.
fn touches(ending: &Ending, expected: &[Expected]) -> bool {
    let (local, remote) = ends(ending);
    expected.iter().any(|it| {
        let half = remote.port() == 0 && it.local == local;
        half || (same_end(ending, it) && ending.kind() != Kind::Answer)
    })
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
