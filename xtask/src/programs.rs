//! `programs`: writes `docs/programs.md`, what finrst says of programs nobody here wrote.

use std::{
    fmt::Write as _,
    fs,
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result};

use crate::{
    lab::{Lab, Way, programs},
    shell,
};

/// What `xtask programs` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The finrst that speaks.
    #[arg(long, default_value = "target/release/finrst")]
    finrst: PathBuf,
}

/// What prints the versions of the programs, each by the first line with a digit.
const VERSIONS: &[&[&str]] = &[
    &["nginx", "-v"],
    &["haproxy", "-v"],
    &["redis-server", "--version"],
    &["psql", "--version"],
    &["curl", "--version"],
    &["python3", "--version"],
    &["node", "--version"],
    &["java", "-version"],
];

/// Plays every program and writes the page.
///
/// # Errors
/// A program is missing, or finrst told something else than it is known for.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let lab = Lab::new(&options.finrst, Way::Auto)?;
    let mut page = String::from("# Programs nobody here wrote, and what finrst says of them\n\n");
    writeln!(
        page,
        "Written by `cargo xtask programs`, not by hand: the output of `finrst trace --explain` while each program does what\n\
         it is known for. `cargo xtask lab programs` expects the same causes and owners, and fails at any other. Servers\n\
         are in one network namespace, clients in another; a client without a name of its own, and a server behind\n\
         HAProxy or before curl, is the test itself (`xtask`). Linux {}, with {}.\n",
        shell::read(Command::new("uname").arg("-r"))?.trim(),
        versions()?.join(", ")
    )?;
    let (mut table, mut texts) = (String::new(), String::new());
    for program in programs::all() {
        let told = programs::one(&lab, program).with_context(|| program.name)?;
        for (whose, verdict) in &told.verdicts {
            writeln!(table, "| {} | {whose} | `{verdict}` |", program.name)?;
        }
        writeln!(texts, "\n## {}: {}\n", program.name, program.title)?;
        writeln!(texts, "```text\n{}```", told.text)?;
    }
    write!(
        page,
        "| program | whose end | told |\n|---|---|---|\n{table}{texts}"
    )?;
    fs::write(shell::root().join("docs/programs.md"), page)?;
    Ok(ExitCode::SUCCESS)
}

/// What the programs say they are.
fn versions() -> Result<Vec<String>> {
    let mut versions = Vec::new();
    for words in VERSIONS {
        let Some((program, words)) = words.split_first() else {
            continue;
        };
        let output = Command::new(program).args(words).output();
        let output = output.with_context(|| format!("{program} cannot be run"))?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        let number = said
            .split(|letter: char| letter.is_whitespace() || "/\"=-".contains(letter))
            .map(|word| word.trim_start_matches('v'))
            .find(|word| word.starts_with(|it: char| it.is_ascii_digit()));
        versions.push(format!("{program} {}", number.unwrap_or("?")));
    }
    Ok(versions)
}
