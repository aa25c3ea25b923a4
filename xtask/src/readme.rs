//! The commands in README.md: its quick start is run as printed, and every option it shows exists.

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, Result, ensure};

use crate::{shell, tally::Tally};

/// The heading of the commands that are run.
const QUICK_START: &str = "Quick start";

/// Runs the quick start and looks for every option.
pub(crate) fn steps(tally: &mut Tally) {
    tally.step("README: quick start as printed", || {
        let readme = fs::read_to_string(shell::root().join("README.md"))?;
        let commands = commands(&readme);
        let quick: Vec<_> = commands
            .iter()
            .filter(|it| it.under == QUICK_START)
            .collect();
        ensure!(!quick.is_empty(), "there is no quick start");
        quick.iter().try_for_each(|it| run(it.line))
    });
    tally.step("README: every option exists", || {
        let readme = fs::read_to_string(shell::root().join("README.md"))?;
        let mut helps = BTreeMap::new();
        for (verb, option) in commands(&readme).iter().flat_map(|it| options(it.line)) {
            if !helps.contains_key(verb) {
                helps.insert(verb, help(verb)?);
            }
            let known = helps.get(verb).is_some_and(|help| {
                help.contains(&format!("{option} ")) || help.contains(&format!("{option}\n"))
            });
            ensure!(known, "`finrst {verb}` has no {option}");
        }
        Ok(())
    });
}

/// One command of a block of shell commands.
#[derive(Debug, PartialEq, Eq)]
struct Command<'text> {
    /// The heading above it.
    under: &'text str,
    /// The command without the comment behind it.
    line: &'text str,
}

/// Every line of every block marked `sh`.
fn commands(readme: &str) -> Vec<Command<'_>> {
    let (mut under, mut inside) = ("", false);
    let mut found = Vec::new();
    for line in readme.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            under = heading;
        } else if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside && !line.trim().is_empty() {
            let line = line.split_once(" #").map_or(line, |(command, _)| command);
            found.push(Command {
                under,
                line: line.trim(),
            });
        }
    }
    found
}

/// Every option of finrst's in a command, with its verb; what follows ` -- ` is another program's.
fn options(line: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for part in line.split(['|', '>']) {
        let mut words = part
            .split_whitespace()
            .skip_while(|word| !word.ends_with("finrst"));
        let Some(verb) = words.nth(1) else { continue };
        let own = words.take_while(|&word| word != "--");
        found.extend(
            own.filter(|word| word.starts_with("--"))
                .map(|it| (verb, it)),
        );
    }
    found
}

fn help(verb: &str) -> Result<String> {
    let finrst = shell::root().join("target/release/finrst");
    shell::read(&mut shell::program(finrst, &[verb, "--help"]))
        .with_context(|| format!("there is no verb {verb}"))
}

fn run(command: &str) -> Result<()> {
    let mut shell = shell::program("sh", &["-euc", command]);
    shell::run(shell.current_dir(shell::root()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_under_their_headings_without_comments() {
        let readme = "## A\n```sh\nmake all   # everything\n```\n```text\nnot this\n```\n## B\n```sh\nrun\n```\n";
        let found = commands(readme);
        let lines: Vec<_> = found.iter().map(|it| (it.under, it.line)).collect();
        assert_eq!(lines, [("A", "make all"), ("B", "run")]);
    }

    #[test]
    fn options_are_finrsts_own_and_carry_their_verb() {
        let line =
            "ssh host finrst record -o - | ./finrst trace --replay - --explain -- curl --fail";
        assert_eq!(
            options(line),
            [("trace", "--replay"), ("trace", "--explain")]
        );
        assert!(options("cargo xtask demo --help").is_empty());
    }
}
