//! `pitfalls`: writes `docs/pitfalls.md`, what finrst says of real Go programs with a known fault.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, ensure};

use crate::{lab::go, setup, shell};

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
    let directory = tempfile::tempdir()?;
    let program = go::build(&command, "-s -w", directory.path())?;
    let mut page = String::from("# Pitfalls of Go programs, and what finrst says of them\n\n");
    writeln!(
        page,
        "Written by `cargo xtask pitfalls`, not by hand: the output of `finrst trace --explain --held-open` on the programs in\n\
         `xtask/go`, built with Go {version} and stripped. Both ends of each connection are in one process, so both are told.\n\
         After each pitfall comes its near miss: almost the same program, without the fault."
    )?;
    for pitfall in go::PITFALLS {
        writeln!(page, "\n## {}. {}", pitfall.number, pitfall.title)?;
        for (name, what) in [
            (pitfall.name.to_owned(), "The pitfall"),
            (format!("{}_near", pitfall.name), "Its near miss"),
        ] {
            let said = told(&options.finrst, &program, &name)?;
            writeln!(page, "\n{what} (`{name}`):\n\n```text\n{said}```")?;
        }
    }
    let page = format!("{}\n", page.trim_end());
    fs::write(shell::root().join("docs/pitfalls.md"), page)?;
    Ok(ExitCode::SUCCESS)
}

/// What finrst prints of a program, without what the program prints.
fn told(finrst: &Path, program: &Path, name: &str) -> Result<String> {
    let mut command = Command::new(finrst);
    command.args(["trace", "--explain", "--quiet", "--settle", "100ms"]);
    command.args(["--held-open", "--color", "never", "--"]);
    let output = command.arg(program).arg(name).output()?;
    ensure!(output.status.success(), "{name}: {output:?}");
    let text = String::from_utf8(output.stdout)?;
    let lines = text.lines().filter(|line| !line.starts_with('{'));
    Ok(lines.fold(String::new(), |text, line| text + line + "\n"))
}
