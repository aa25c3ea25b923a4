//! Real programs of Go, of the oldest and the newest version, stripped and not: each ends a
//! connection in one way, and says itself how and which goroutine did it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::{Lab, Test, outcome::Skip, told::Ending, tracer::Tracer};
use crate::{setup::go, shell};

/// The tests, by name; for real machines only, guests have no Go.
pub(crate) const REAL: &[(&str, Test)] = &[
    ("go/file", |lab| pitfall(lab, "file")),
    ("go/unread", |lab| pitfall(lab, "unread")),
    ("go/linger", |lab| pitfall(lab, "linger")),
    ("go/half", |lab| pitfall(lab, "half")),
    ("go/race", |lab| pitfall(lab, "race")),
    ("go/deadline", |lab| pitfall(lab, "deadline")),
];

/// A way in which Go programs end connections otherwise than they mean to.
#[derive(Debug)]
pub(crate) struct Pitfall {
    /// Its place in the usual order of telling them.
    pub(crate) number: u8,
    /// The name of the program that has it; the one without it has `_near` behind.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) title: &'static str,
}

/// All of them that have a program.
pub(crate) const PITFALLS: &[Pitfall] = &[
    Pitfall {
        number: 1,
        name: "file",
        title: "`File` duplicates the descriptor, and `Close` ends nothing",
    },
    Pitfall {
        number: 2,
        name: "unread",
        title: "`Close` while received data is unread",
    },
    Pitfall {
        number: 4,
        name: "linger",
        title: "`SetLinger(0)`",
    },
    Pitfall {
        number: 6,
        name: "half",
        title: "`CloseWrite`: one direction is shut, the other goes on",
    },
    Pitfall {
        number: 12,
        name: "race",
        title: "`Close` under a blocked reader: the reader's call ends the connection",
    },
    Pitfall {
        number: 15,
        name: "deadline",
        title: "A read deadline expires, and the server closes",
    },
];

/// What a program says of itself.
#[derive(Debug, Deserialize)]
struct Expected {
    /// The port of the end it is about.
    local: u16,
    /// The other one.
    remote: u16,
    /// The causes of this end's endings, in the order they are told.
    causes: Vec<String>,
    /// The goroutine that acted.
    goroutine: u64,
}

/// Runs a pitfall and its near miss in every build.
fn pitfall(lab: &Lab, name: &str) -> anyhow::Result<()> {
    let versions = go::outermost();
    if versions.is_empty() {
        return Err(Skip("no Go: `cargo xtask setup` installs it".to_owned()).into());
    }
    let directory = tempfile::tempdir()?;
    for (version, command) in versions {
        for flags in ["", "-s -w"] {
            let program = build(&command, flags, directory.path())?;
            for name in [name.to_owned(), format!("{name}_near")] {
                one(lab, &program, &name)
                    .with_context(|| format!("{name}, Go {version}, -ldflags={flags:?}"))?;
            }
        }
    }
    Ok(())
}

/// Builds the programs, which are one executable.
///
/// # Errors
/// The compiler refuses them.
pub(crate) fn build(command: &Path, flags: &str, into: &Path) -> anyhow::Result<PathBuf> {
    let program = into.join("pitfalls");
    let mut go = Command::new(command);
    go.arg("build").arg("-o").arg(&program);
    go.arg(format!("-ldflags={flags}"));
    let sources = shell::root().join("xtask/go");
    for source in std::fs::read_dir(&sources)? {
        go.arg(source?.path());
    }
    go.env("GOTOOLCHAIN", "local").env("GO111MODULE", "off");
    go.env("CGO_ENABLED", "0")
        .env("GOFLAGS", "")
        .env_remove("GOROOT");
    shell::run(go.env("GOCACHE", go::cache()))?;
    Ok(program)
}

/// Traces one program, and compares what is told with what it says of itself.
fn one(lab: &Lab, program: &Path, name: &str) -> anyhow::Result<()> {
    let arguments = ["--settle", "100ms", "--held-open", "--"].map(str::to_owned);
    let mut command = lab.trace(&arguments);
    command.arg(program).arg(name);
    let tracer = Tracer::start(command, lab.patience(Duration::from_secs(20)))?;
    let ended = tracer.wait()?;
    ensure!(ended.status.success(), "{}: {}", ended.status, ended.talk);
    let said = ended.foreign.first().context("the program said nothing")?;
    let expected: Expected = serde_json::from_str(said).context("what the program said")?;
    let ours = |ending: &&Ending| {
        let (local, remote) = (ending.connection.local.port, ending.connection.remote.port);
        (local, remote) == (expected.local, expected.remote)
    };
    let endings: Vec<_> = ended.endings.iter().filter(ours).collect();
    let causes: Vec<_> = endings.iter().map(|ending| &ending.cause).collect();
    ensure!(
        causes.iter().copied().eq(&expected.causes),
        "expected {:?}, told {causes:?}",
        expected.causes
    );
    for ending in endings {
        ensure!(
            ending.actor.goroutine == Some(expected.goroutine),
            "{} by goroutine {}, told {:?}",
            ending.cause,
            expected.goroutine,
            ending.actor
        );
    }
    Ok(())
}
