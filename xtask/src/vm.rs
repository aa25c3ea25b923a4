//! `vm`: the kernel tests inside other kernels, each way of attaching forced in turn.
//!
//! Debian's cloud kernels under qemu, booted straight into an initramfs made here.

mod apt;
mod cpio;
mod guest;
mod initramfs;
mod kernels;
mod last_lines;
pub(crate) mod libraries;
mod modules;
mod report;

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
    thread,
};

use anyhow::{Context as _, Result};

use crate::{lab::go, setup, shell, tally::Tally};
use kernels::{Kernel, SERIES, Series};
use last_lines::LastLines;
pub(crate) use report::LabLine;
use report::Report;

/// How often a guest is booted that ends before it is up: emulated on a busy machine, a kernel
/// may not come to its first program.
const BOOTS: u32 = 3;

/// What `xtask vm` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only these kernels; all of them when none is named.
    #[arg(value_parser = kernels::names())]
    kernels: Vec<String>,
    /// Only these ways of attaching; each in turn when none is named.
    #[arg(long = "way", value_parser = ["fentry", "kprobe", "tracepoint"])]
    ways: Vec<String>,
    /// Only these tests or groups of tests, by name; every test when none is named.
    #[arg(long = "test")]
    tests: Vec<String>,
    /// A skipped test or kernel is a failure.
    #[arg(long)]
    no_skip: bool,
}

impl Options {
    /// Every kernel, every way.
    pub(crate) fn everything() -> Self {
        Self {
            kernels: Vec::new(),
            ways: Vec::new(),
            tests: Vec::new(),
            no_skip: false,
        }
    }

    /// Every kernel, every way, these tests or groups alone.
    pub(crate) fn only(tests: &[&str]) -> Self {
        Self {
            tests: tests.iter().map(|&it| it.to_owned()).collect(),
            ..Self::everything()
        }
    }

    fn series(&self) -> impl Iterator<Item = &'static Series> {
        let all = self.kernels.is_empty();
        SERIES
            .iter()
            .filter(move |series| all || self.kernels.iter().any(|it| it == series.name))
    }

    fn ways(&self) -> Vec<&str> {
        let all = self.ways.is_empty();
        let wanted = |way: &&str| all || self.ways.iter().any(|it| it == way);
        ["fentry", "kprobe", "tracepoint"]
            .into_iter()
            .filter(wanted)
            .collect()
    }
}

/// Boots the kernels and prints the table.
///
/// # Errors
/// When what the guests run cannot be built.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut tally = Tally::default();
    matrix(options, &mut tally)?;
    Ok(tally.close(options.no_skip))
}

/// Boots the kernels, counts every test, and prints the table.
///
/// # Errors
/// When what the guests run cannot be built.
pub(crate) fn matrix(options: &Options, tally: &mut Tally) -> Result<()> {
    let bench = Bench {
        finrst: release_finrst()?,
        xtask: shell::own_copy()?,
        of_go: programs_of_go()?,
        ways: options.ways(),
        tests: &options.tests,
    };
    let mut report = Report::default();
    let cache = shell::root().join("target/vm");
    let mut kernels = Vec::new();
    for series in options.series() {
        match Kernel::provide(series, &cache) {
            Ok(kernel) => kernels.push((series.name, kernel)),
            Err(error) => report.kernel_missed(series.name, &error),
        }
    }
    // Guests wait more than they work, so all of them together take little longer than one.
    thread::scope(|scope| {
        let keepers: Vec<_> = kernels
            .iter()
            .map(|(name, kernel)| scope.spawn(|| bench.test(name, kernel)))
            .collect();
        for keeper in keepers {
            report.merge(
                keeper
                    .join()
                    .ok()
                    .context("the keeper of a guest panicked")?,
            );
        }
        Ok::<(), anyhow::Error>(())
    })?;
    println!("\n{report}");
    report.count(tally);
    report
        .scores()
        .for_each(|(name, score)| tally.score(name, score));
    report
        .verdicts()
        .for_each(|(name, verdicts)| tally.verdicts(name, verdicts));
    Ok(())
}

/// Builds the command the guests test.
///
/// # Errors
/// When it does not build.
pub(crate) fn release_finrst() -> Result<PathBuf> {
    shell::run(&mut building_finrst())?;
    Ok(shell::root().join("target/release/finrst"))
}

/// Cargo, to build it.
pub(crate) fn building_finrst() -> Command {
    let words = [
        "build",
        "--locked",
        "--release",
        "--package",
        "tracer",
        "--bin",
        "finrst",
    ];
    shell::cargo(&words)
}

/// Builds the programs of Go that guests run, if there is a Go.
///
/// # Errors
/// When they do not build.
fn programs_of_go() -> Result<Option<PathBuf>> {
    let newest = setup::go::outermost().pop();
    let into = shell::root().join("target/vm");
    std::fs::create_dir_all(&into)?;
    let program = newest.map(|(_, go)| go::build_programs(&go, "-s -w", &into));
    program.transpose()
}

/// What every guest is given.
struct Bench<'options> {
    finrst: PathBuf,
    xtask: PathBuf,
    /// Programs of Go in one executable, where there is a compiler.
    of_go: Option<PathBuf>,
    ways: Vec<&'options str>,
    tests: &'options [String],
}

impl Bench<'_> {
    fn test(&self, name: &str, kernel: &Kernel) -> Report {
        let mut report = Report::default();
        report.kernel(name, &kernel.release, &self.ways);
        if let Err(error) = self.boot(name, kernel, &mut report) {
            report.kernel_missed(name, &error);
        }
        report
    }

    fn boot(&self, name: &str, kernel: &Kernel, report: &mut Report) -> Result<()> {
        let image = kernel.directory.join("initramfs.gz");
        let mut programs = vec![("finrst", self.finrst.as_path()), ("xtask", &self.xtask)];
        let nft = shell::find("nft");
        programs.extend(nft.iter().map(|it| ("bin/nft", it.as_path())));
        programs.extend(self.of_go.iter().map(|it| ("pitfalls", it.as_path())));
        initramfs::write(&image, &programs, kernel, &self.ways, self.tests)?;
        let mut last = LastLines::default();
        for boot in 1..=BOOTS {
            let mut began = false;
            guest::boot(kernel, &image, |line| {
                println!("[{name}] {line}");
                began |= line == initramfs::TESTS_BEGIN;
                last.add(line);
                report.line(line);
            })?;
            if began {
                break;
            }
            if boot < BOOTS {
                report.booted_in_vain(name, &last.to_string());
            }
        }
        report.kernel_ended(&last.to_string());
        kernel.keep_btf()
    }
}
