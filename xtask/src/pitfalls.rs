//! `pitfalls`: writes `docs/pitfalls.md`, what finrst says of real Go programs with a known fault.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    lab::{Lab, Way, go, tracer::Tracer},
    setup, shell,
};

/// The pitfalls of which `finrst leaks` has something to say, and a word of that.
const LEFT_OVER: [(&str, &str); 2] = [("again", "seen"), ("leak", "not_closed")];

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
        if let Some((_, mark)) = LEFT_OVER.iter().find(|(name, _)| *name == pitfall.name) {
            let said = left_over(&lab, &program, pitfall.name, mark)?;
            writeln!(
                page,
                "\nMeanwhile `finrst leaks --for 1m --touch --watch 500ms --older-than 300ms` says of the pitfall:\n\n```text\n{said}\n```"
            )?;
        }
    }
    let page = format!("{}\n", page.trim_end());
    fs::write(shell::root().join("docs/pitfalls.md"), page)?;
    Ok(ExitCode::SUCCESS)
}

/// The last look of `finrst leaks` with a mark in it, while a program runs and right after.
fn left_over(lab: &Lab, program: &Path, name: &str, mark: &str) -> Result<String> {
    let namespace = go::Namespace::new()?;
    let mut leaks = namespace.command(&lab.finrst);
    leaks.args(["leaks", "--for", "1m", "--touch", "--watch", "500ms"]);
    leaks.args([
        "--older-than",
        "300ms",
        "--color",
        "never",
        "--netns",
        &namespace.name,
    ]);
    let mut leaks = leaks.stdout(Stdio::piped()).spawn()?;
    let mut said = BufReader::new(leaks.stdout.take().context("stdout is piped")?);
    // After the first line the hooks are in place.
    let mut looks = String::new();
    said.read_line(&mut looks)?;
    shell::read(namespace.command(program).arg(name))?;
    kill(Pid::from_raw(i32::try_from(leaks.id())?), Signal::SIGINT)?;
    said.read_to_string(&mut looks)?;
    leaks.wait()?;
    let last = looks
        .split("\n\n")
        .filter(|look| look.contains(mark))
        .last();
    let last = last.with_context(|| format!("no look has {mark}: {looks}"))?;
    Ok(last.trim().to_owned())
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
