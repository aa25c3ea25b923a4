//! `fuzz`: bytes nobody would send, given to everything that reads bytes.
//!
//! Builds on the stable compiler: the passes that count edges are those of its LLVM. The layout is
//! cargo-fuzz's, which works here as well.

mod run;

use std::{
    fs,
    num::NonZeroUsize,
    path::PathBuf,
    process::{Command, ExitCode},
    thread::{self, ScopedJoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use crate::{
    shell,
    tally::{Skip, Tally},
};
use run::Report;

/// What `xtask fuzz` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only these targets; every one after the other when none is named.
    targets: Vec<String>,
    /// How long for each: 20s, 10m, 1h.
    #[arg(long, default_value = "10m", value_parser = time)]
    time: Duration,
    /// Afterwards keep in fuzz/corpus the fewest inputs that reach what was reached.
    #[arg(long)]
    keep: bool,
}

/// How long all targets run among the tests, taken together: each as long as the others, several at once.
const AMONG_TESTS: Duration = Duration::from_mins(2);

/// Bytes the kept inputs of all targets may have together.
const KEPT_BYTES: u64 = 300_000;

/// What makes the compiler count edges and comparisons for libFuzzer.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Runs targets and prints what they did.
///
/// # Errors
/// They cannot be built, or there is none of a name.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let all = targets()?;
    for name in &options.targets {
        if !all.contains(name) {
            bail!("there is no target {name}; they are {}", all.join(", "));
        }
    }
    let wanted = |name: &&String| options.targets.is_empty() || options.targets.contains(name);
    let built = build()?;
    let (mut tally, mut reports) = (Tally::default(), Vec::new());
    for name in all.iter().filter(wanted) {
        tally.step(name, || {
            let report = run::target(&built, name, options.time)?;
            reports.push(report);
            if options.keep {
                run::keep(&built, name)?;
            }
            Ok(())
        });
    }
    println!("\n{}", Report::HEADING);
    for report in &reports {
        println!("{report}");
    }
    Ok(tally.close(false))
}

/// Runs every target for a while, as a test of its own.
pub(crate) fn steps(tally: &mut Tally) {
    let mut built = None;
    tally.step("fuzz: build", || {
        small()?;
        built = Some(build()?);
        Ok(())
    });
    let Some(built) = built else { return };
    let targets = targets().unwrap_or_default();
    let time = AMONG_TESTS / u32::try_from(targets.len()).unwrap_or(1).max(1);
    let at_once = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    for names in targets.chunks(at_once) {
        let reports: Vec<_> = thread::scope(|scope| {
            let built = built.as_path();
            let fuzz = |name| scope.spawn(move || run::target(built, name, time));
            let running: Vec<_> = names.iter().map(String::as_str).map(fuzz).collect();
            let ended = running.into_iter().map(ScopedJoinHandle::join);
            ended.collect()
        });
        for (name, report) in names.iter().zip(reports) {
            tally.step(&format!("fuzz: {name}"), || {
                let report = report.map_err(|_panic| anyhow!("whoever ran it panicked"))??;
                println!("{}\n{report}", Report::HEADING);
                Ok(())
            });
        }
    }
}

/// The names of the targets, by their files.
fn targets() -> Result<Vec<String>> {
    let directory = shell::root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        let name = path.file_stem().context("a file without a name")?;
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    ensure!(!names.is_empty(), "{} is empty", directory.display());
    Ok(names)
}

/// Builds the targets and returns where they are.
///
/// # Errors
/// A [`Skip`] where there is no C++ compiler, which libFuzzer wants.
fn build() -> Result<PathBuf> {
    if shell::find("c++").is_none() {
        bail!(Skip(
            "there is no c++, with which libFuzzer is built".to_owned()
        ));
    }
    shell::run(&mut building())?;
    Ok(shell::root().join("target/fuzz").join(host()).join("fuzz"))
}

/// Cargo, to build the targets.
pub(crate) fn building() -> Command {
    let mut cargo = shell::cargo(&["build", "--locked", "--package", "fuzz"]);
    // With a target named, the flags are not for build scripts.
    cargo.args(["--profile", "fuzz", "--target", &host()]);
    cargo.args(["--target-dir", "target/fuzz"]);
    cargo.env("RUSTFLAGS", FLAGS);
    cargo.env("FINRST_KERNEL_OBJECT_FROM", "stored");
    cargo
}

/// The compiler's target that is this machine.
fn host() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// The inputs in the tree are few.
fn small() -> Result<()> {
    let mut bytes = 0;
    for name in targets()? {
        let kept = run::kept(&name);
        for entry in fs::read_dir(&kept).with_context(|| kept.display().to_string())? {
            bytes += entry?.metadata()?.len();
        }
    }
    ensure!(
        bytes <= KEPT_BYTES,
        "the inputs in fuzz/corpus have {bytes} bytes, and {KEPT_BYTES} are the most"
    );
    Ok(())
}

/// A time with its unit.
fn time(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(split.unwrap_or(text.len()));
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err("not a time; say 20s, 10m, 1h".to_owned()),
    };
    let number: u64 = number.parse().map_err(|error| format!("{error}"))?;
    Ok(Duration::from_secs(number.saturating_mul(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_or_are_seconds() {
        assert_eq!(time("20"), Ok(Duration::from_secs(20)));
        assert_eq!(time("10m"), Ok(Duration::from_mins(10)));
        assert!(time("1d").is_err() && time("m").is_err());
    }

    #[test]
    fn every_target_has_inputs_and_a_row_in_the_manifest() {
        let manifest = fs::read_to_string(shell::root().join("fuzz/Cargo.toml")).unwrap();
        for name in targets().unwrap() {
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
            assert!(fs::read_dir(run::kept(&name)).unwrap().count() > 0);
        }
        small().unwrap();
    }
}
