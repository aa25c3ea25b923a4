//! `pitfalls`: writes `docs/pitfalls.md`, what finrst says of real Go programs with a known fault.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    lab::{Lab, Way, go, tracer::Tracer},
    setup, shell,
};

/// How long finrst may take to begin, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// What `xtask pitfalls` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The finrst that speaks.
    #[arg(long, default_value = "target/release/finrst")]
    finrst: PathBuf,
}

/// Writes the page.
///
/// # Errors
/// There is no Go, a program fails, or finrst does.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut versions = setup::go::outermost();
    let (version, command) = versions
        .pop()
        .context("no Go: `cargo xtask setup` installs it")?;
    let lab = Lab::new(&options.finrst, Way::Auto)?;
    let directory = tempfile::tempdir()?;
    let program = go::build_programs(&command, "-s -w", directory.path())?;
    let mut page = String::from("# Pitfalls of Go programs, and what finrst says of them\n\n");
    writeln!(
        page,
        "Written by `cargo xtask pitfalls`, not by hand: the output of `finrst trace --explain --held-open --go-callers --netns NAME` on the programs in\n\
         `xtask/go`, built with Go {version} and stripped. Both ends of each connection are in one process, so both are told.\n\
         After each pitfall comes its near miss: almost the same program, without the fault."
    )?;
    for pitfall in go::PITFALLS {
        writeln!(page, "\n## {}. {}", pitfall.number, pitfall.title)?;
        for (name, what) in [
            (pitfall.name.to_owned(), "The pitfall"),
            (go::near(pitfall.name), "Its near miss"),
        ] {
            let said = told(&lab, &program, &name)?;
            writeln!(page, "\n{what} (`{name}`):\n\n```text\n{said}```")?;
        }
    }
    let page = format!("{}\n", page.trim_end());
    fs::write(shell::root().join("docs/pitfalls.md"), page)?;
    Ok(ExitCode::SUCCESS)
}

/// What finrst prints of a program, which runs in a network namespace of its own.
fn told(lab: &Lab, program: &Path, name: &str) -> Result<String> {
    let namespace = go::Namespace::new()?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join(name).display().to_string();
    let arguments = ["--held-open", "--go-callers", "--record", &file, "--netns"];
    let mut arguments = arguments.map(str::to_owned).to_vec();
    arguments.push(namespace.name.clone());
    let tracer = Tracer::start(lab.trace(&arguments), PATIENCE)?;
    shell::read(namespace.command(program).arg(name))?;
    let ended = tracer.stop()?;
    ensure!(ended.status.success(), "{name}: {}", ended.talk);
    let mut replay = Command::new(&lab.finrst);
    replay.args(["trace", "--replay", &file, "--explain", "--quiet"]);
    shell::read(replay.args(["--color", "never"]))
}
