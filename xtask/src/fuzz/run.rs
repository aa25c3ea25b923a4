//! One target of libFuzzer: how it is run, and what it says of itself.

use std::{
    fmt, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// Bytes of an input at most.
const INPUT_BYTES: u32 = 65_536;

/// Bytes of an input that is kept at most. A recording is compressed, and cut it is hardly one; an
/// executable of Go and the types of a kernel are tables that refer to each other.
fn kept_input_bytes(name: &str) -> u32 {
    match name {
        "recording" => 4_096,
        "gopclntab" => 1_700,
        "btf" => 1_280,
        "proc" => 256,
        _ => 512,
    }
}

/// Megabytes a target may use, far more than any needs: a file that makes it take more is a find.
const MEMORY_MB: u32 = 1_024;

/// What a run of a target did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    name: String,
    /// Inputs tried.
    executions: u64,
    /// Edges of the program that were taken.
    edges: u64,
    /// Inputs that took one the others had not.
    inputs: u64,
    /// The most memory it used, in megabytes.
    memory_mb: u64,
}

impl Report {
    pub(super) const HEADING: &str =
        "target         executions   edges  inputs  memory MB  crashes";

    /// Takes in a line libFuzzer says.
    fn hear(&mut self, line: &str) {
        let number = |text: &str| text.parse().ok();
        if let Some((_, rest)) = line.split_once(" cov: ") {
            let mut words = rest.split_whitespace();
            self.edges = words.next().and_then(number).unwrap_or(self.edges);
            let inputs = words.skip_while(|word| *word != "corp:").nth(1);
            let inputs = inputs.and_then(|word| number(word.split('/').next()?));
            self.inputs = inputs.unwrap_or(self.inputs);
        }
        for (name, field) in [
            ("stat::number_of_executed_units:", &mut self.executions),
            ("stat::peak_rss_mb:", &mut self.memory_mb),
        ] {
            let said = line.strip_prefix(name);
            *field = said.and_then(|it| number(it.trim())).unwrap_or(*field);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:12} {:12} {:7} {:7} {:10}        0",
            self.name, self.executions, self.edges, self.inputs, self.memory_mb
        )
    }
}

/// The inputs of a target that are in the tree.
pub(super) fn kept(name: &str) -> PathBuf {
    shell::root().join("fuzz/corpus").join(name)
}

/// What a target begins with, made by hand to reach deep: nothing replaces it. None where what was
/// found by chance reaches as much.
fn seeds(name: &str) -> Option<PathBuf> {
    let seeds = shell::root().join("fuzz/seeds").join(name);
    seeds.is_dir().then_some(seeds)
}

/// The inputs of a target that runs here found.
fn found(name: &str) -> PathBuf {
    shell::root().join("target/fuzz/corpus").join(name)
}

/// Runs a target.
///
/// # Errors
/// An input broke it: where that input is, and how to see it again.
pub(super) fn target(built: &Path, name: &str, time: Duration) -> Result<Report> {
    let (found, broken) = (found(name), shell::root().join("target/fuzz/broken"));
    fs::create_dir_all(&found)?;
    fs::create_dir_all(&broken)?;
    let prefix = broken.join(format!("{name}-"));
    let program = built.join(name);
    let mut command = Command::new(&program);
    command
        .arg(format!("-max_total_time={}", time.as_secs()))
        .arg(format!("-max_len={INPUT_BYTES}"))
        .arg(format!("-rss_limit_mb={MEMORY_MB}"))
        .arg(format!("-artifact_prefix={}", prefix.display()))
        .args(["-timeout=10", "-print_final_stats=1"])
        .args([&found, &kept(name)])
        .args(seeds(name));
    let mut child = command.stderr(Stdio::piped()).spawn()?;
    let stderr = BufReader::new(child.stderr.take().context("stderr is piped")?);
    let mut report = Report {
        name: name.to_owned(),
        ..Report::default()
    };
    let mut last = Vec::new();
    for line in stderr.split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        report.hear(&line);
        if !line.starts_with('#') && !line.contains("NEW_FUNC") {
            last.push(line);
        }
    }
    if !child.wait()?.success() {
        let tail = last
            .get(last.len().saturating_sub(30)..)
            .unwrap_or_default();
        let program = program.display();
        bail!(
            "an input breaks it; to see it again: {program} FILE\n{}",
            tail.join("\n")
        );
    }
    Ok(report)
}

/// Replaces the inputs in the tree by the fewest that reach what they and those found here reach.
///
/// # Errors
/// The target breaks, or files cannot be written.
pub(super) fn keep(built: &Path, name: &str) -> Result<()> {
    let fresh = shell::root().join("target/fuzz/fresh").join(name);
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    fs::create_dir_all(&fresh)?;
    let kept = kept(name);
    let mut merge = Command::new(built.join(name));
    merge
        .args([
            "-set_cover_merge=1",
            "-use_counters=0",
            &format!("-max_len={}", kept_input_bytes(name)),
        ])
        .args([&fresh, &kept, &found(name)])
        .args(seeds(name))
        .stderr(Stdio::null());
    shell::run(&mut merge)?;
    fs::remove_dir_all(&kept)?;
    fs::create_dir_all(&kept)?;
    for entry in fs::read_dir(&fresh)? {
        let entry = entry?;
        fs::copy(entry.path(), kept.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_is_read() {
        let mut report = Report::default();
        for line in [
            "#131\tNEW    cov: 21 ft: 38 corp: 15/12443b lim: 65536 exec/s: 0 rss: 28Mb",
            "#7387137\tDONE   cov: 235 ft: 376 corp: 159/16Kb lim: 65536 exec/s: 10 rss: 28Mb",
            "stat::number_of_executed_units: 7387137",
            "stat::peak_rss_mb:              28",
            "INFO: seed corpus: files: 126 min: 14b",
        ] {
            report.hear(line);
        }
        let expected = Report {
            name: String::new(),
            executions: 7_387_137,
            edges: 235,
            inputs: 159,
            memory_mb: 28,
        };
        assert_eq!(report, expected);
    }
}
