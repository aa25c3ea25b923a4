//! Real programs of Go, of the oldest and the newest version, stripped and not: each ends a
//! connection in one way, and says itself how and which goroutine did it.

mod guest;
mod judge;
mod namespace;
mod repeating;
mod table;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use anyhow::{Context as _, anyhow, ensure};
use serde::Deserialize;

use super::{Lab, Test, outcome::Skip, recording, told::Ending, tracer::Tracer};
use crate::{setup::go, shell};

pub(crate) use guest::GUEST;
pub(crate) use namespace::Namespace;
use repeating::Repeating;
pub(crate) use table::PITFALLS;

/// The tests, by name; for real machines only, guests have no Go.
pub(crate) const REAL: &[(&str, Test)] = &[
    ("go/file", |lab| pitfall(lab, "file")),
    ("go/unread", |lab| pitfall(lab, "unread")),
    ("go/late", |lab| pitfall(lab, "late")),
    ("go/linger", |lab| pitfall(lab, "linger")),
    ("go/wait", |lab| pitfall(lab, "wait")),
    ("go/half", |lab| pitfall(lab, "half")),
    ("go/stuck", |lab| pitfall(lab, "stuck")),
    ("go/orphan", |lab| pitfall(lab, "orphan")),
    ("go/again", |lab| pitfall(lab, "again")),
    ("go/leak", |lab| pitfall(lab, "leak")),
    ("go/slow", |lab| pitfall(lab, "slow")),
    ("go/pool", |lab| pitfall(lab, "pool")),
    ("go/race", |lab| pitfall(lab, "race")),
    ("go/bye", |lab| pitfall(lab, "bye")),
    ("go/dead", |lab| pitfall(lab, "dead")),
    ("go/deadline", |lab| pitfall(lab, "deadline")),
    ("go/recorded", recorded),
];

/// Why there may be nothing to run.
pub(crate) const NO_GO: &str = "no Go: `cargo xtask setup` installs it";

/// What the linker is told: nothing, and to leave out symbols and DWARF.
pub(super) const BUILDS: [&str; 2] = ["", "-s -w"];

/// What a program says of itself.
#[derive(Debug, Default, Deserialize)]
struct Expected {
    /// The program's name.
    program: String,
    /// The port of the end it is about.
    local: u16,
    /// The other one.
    remote: u16,
    /// The causes of this end's endings, in the order they are told.
    causes: Vec<String>,
    /// The goroutine behind everything a task does to this end; zero for none.
    goroutine: u64,
    /// The goroutine that calls `Close`, if that ends something; zero for none.
    asker: u64,
    /// The line that calls `Close` or `CloseWrite`, with its file.
    place: String,
    /// Who acts first.
    initiator: Option<String>,
    /// Whether the last ending is of a connection that took the ports over from the one before.
    #[serde(default)]
    takes_over: bool,
}

/// All programs of one build, traced together.
#[derive(Debug)]
struct Run {
    /// Which build.
    build: String,
    /// What the programs said.
    expected: Vec<Expected>,
    /// What finrst said.
    endings: Vec<Ending>,
}

/// Looks at a pitfall and its near miss in every build.
fn pitfall(lab: &Lab, name: &str) -> anyhow::Result<()> {
    static RUNS: OnceLock<anyhow::Result<Vec<Run>>> = OnceLock::new();
    let runs = RUNS.get_or_init(|| runs(lab));
    let runs = runs.as_ref().map_err(|error| anyhow!("{error:#}"))?;
    if runs.is_empty() {
        return Err(Skip(NO_GO.to_owned()).into());
    }
    for run in runs {
        for name in [name.to_owned(), near(name)] {
            let expected = run.expected.iter().find(|it| it.program == name);
            expected
                .context("the program said nothing")
                .and_then(|expected| judge::judge(expected, &run.endings))
                .with_context(|| format!("{name}, {}", run.build))?;
        }
    }
    Ok(())
}

/// The program that has all of a pitfall but the fault.
pub(crate) fn near(name: &str) -> String {
    format!("{name}_near")
}

/// Traces all programs of every build, the programs of a build at the same time.
fn runs(lab: &Lab) -> anyhow::Result<Vec<Run>> {
    let directory = tempfile::tempdir()?;
    let mut runs = Vec::new();
    for (version, command) in go::outermost() {
        for flags in BUILDS {
            let build = format!("Go {version}, -ldflags={flags:?}");
            let program = build_programs(&command, flags, directory.path())?;
            runs.push(traced(lab, &program, build)?);
        }
    }
    Ok(runs)
}

/// Builds the programs, which are one executable.
///
/// # Errors
/// The compiler refuses them.
pub(crate) fn build_programs(command: &Path, flags: &str, into: &Path) -> anyhow::Result<PathBuf> {
    let program = into.join("pitfalls");
    let mut go = Command::new(command);
    go.arg("build").arg("-o").arg(&program);
    // Where they were built is nobody's business.
    go.arg("-trimpath").arg(format!("-ldflags={flags}"));
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

/// A recording tells who asked for a close as the run did, byte for byte.
fn recorded(lab: &Lab) -> anyhow::Result<()> {
    let newest = go::outermost().pop();
    let (_, command) = newest.ok_or_else(|| Skip(NO_GO.to_owned()))?;
    let directory = tempfile::tempdir()?;
    let program = build_programs(&command, "-s -w", directory.path())?;
    let arguments = ["--go-callers", "--stack", "user"];
    recording::same_bytes(lab, &arguments, &["-v"], || {
        shell::read(Command::new(program).arg("race")).map(drop)
    })
}

/// Traces the programs of one build, in a network namespace of their own: a filter for processes would
/// let nothing pass of what the kernel does when a connection has nobody any more.
fn traced(lab: &Lab, program: &Path, build: String) -> anyhow::Result<Run> {
    let namespace = Namespace::new()?;
    let arguments = ["--held-open", "--go-callers", "--stack", "user", "--netns"];
    let mut arguments = arguments.map(str::to_owned).to_vec();
    arguments.push(namespace.name.clone());
    let mut tracer = Tracer::start(lab.trace(&arguments), lab.patience(Duration::from_secs(10)))?;
    // What all of them share is known before they begin.
    let repeating = Repeating::start(namespace.command(program))?;
    repeating.until_told(lab, &mut tracer)?;
    let mut programs = namespace.command(program);
    for pitfall in PITFALLS {
        programs.arg(pitfall.name).arg(near(pitfall.name));
    }
    let said = shell::read(&mut programs).with_context(|| build.clone())?;
    drop(repeating);
    let ended = tracer.stop()?;
    ensure!(ended.status.success(), "{}: {}", ended.status, ended.talk);
    let said = said.lines().map(serde_json::from_str);
    Ok(Run {
        build,
        expected: said
            .collect::<Result<_, _>>()
            .context("what a program said")?,
        endings: ended.endings,
    })
}
