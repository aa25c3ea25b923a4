//! The kernel tests: finrst, attached to this kernel, against endings whose truth is known.

mod accounting;
mod across;
mod carried;
mod catch;
pub(crate) mod clock;
pub(crate) mod compare;
mod correlate;
mod crowds;
mod farewell;
mod filters;
pub(crate) mod go;
mod held_open;
mod kernel;
pub(crate) mod latency;
pub(crate) mod leaks;
mod lifecycle;
mod outcome;
mod pcapng;
pub(crate) mod played;
mod processors;
pub(crate) mod programs;
mod recording;
mod refusals;
mod report;
pub(crate) mod robust;
pub(crate) mod scenes;
pub(crate) mod score;
mod stacks;
mod stopping;
pub(crate) mod suite;
pub(crate) mod told;
pub(crate) mod tracer;
pub(crate) mod truth;
pub(crate) mod verdicts;
mod walls;
mod wire;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::Context as _;
use outcome::Report;
use score::Score;

use crate::accuracy;

/// What `xtask lab` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The finrst to test.
    #[arg(long, default_value = "target/release/finrst")]
    finrst: PathBuf,
    /// The way its hooks attach; `auto` lets it choose.
    #[arg(long, value_enum, default_value_t = Way::Auto)]
    way: Way,
    /// Print one line per test for a program to read.
    #[arg(long)]
    lines: bool,
    /// A skipped test is a failure.
    #[arg(long)]
    no_skip: bool,
    /// Play every scene here and on every other kernel, by every way, and write docs/accuracy.md: what is
    /// told right.
    #[arg(long, conflicts_with_all = ["finrst", "way", "lines", "names"])]
    score: bool,
    /// With --score: judge what this run of `cargo xtask test` printed, instead of playing anew.
    #[arg(long, value_name = "FILE", requires = "score")]
    log: Option<PathBuf>,
    /// Only these tests, by name; every test when none is named.
    names: Vec<String>,
}

/// How hooks reach the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Way {
    /// Whatever finrst chooses.
    Auto,
    /// Function entry and exit programs.
    Fentry,
    /// Kernel probes.
    Kprobe,
    /// Raw tracepoints alone.
    Tracepoint,
}

impl Way {
    /// Its name on finrst's command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Fentry => "fentry",
            Self::Kprobe => "kprobe",
            Self::Tracepoint => "tracepoint",
        }
    }
}

/// What every test has to hand.
#[derive(Debug)]
pub(crate) struct Lab {
    /// The finrst under test.
    pub(crate) finrst: PathBuf,
    /// The way asked for.
    pub(crate) way: Way,
    /// How much slower than a real machine this one is, from `FINRST_SLOW`; one means not at all.
    pub(crate) slow: u32,
    /// Whether the machine is a guest of ours, whose clock may be set: `FINRST_GUEST` is there.
    pub(crate) guest: bool,
    /// What this kernel can tell.
    pub(crate) kernel: kernel::Kernel,
    /// Whether its functions are hooked, and not its tracepoints alone.
    pub(crate) functions: bool,
}

impl Lab {
    /// A lab for this finrst on this kernel.
    ///
    /// # Errors
    /// There is no such finrst, or the kernel does not describe itself.
    pub(crate) fn new(finrst: &Path, way: Way) -> anyhow::Result<Self> {
        let slow = match std::env::var("FINRST_SLOW") {
            Ok(factor) => factor.parse().context("FINRST_SLOW is a whole number")?,
            Err(_) => 1,
        };
        let finrst = finrst
            .canonicalize()
            .with_context(|| format!("there is no {}", finrst.display()))?;
        Ok(Self {
            functions: kernel::functions_hooked(&finrst, way)?,
            finrst,
            way,
            slow: std::cmp::max(slow, 1),
            guest: std::env::var_os("FINRST_GUEST").is_some(),
            kernel: kernel::Kernel::of_this_machine()?,
        })
    }

    /// A time to wait, stretched for a slow machine.
    pub(crate) fn patience(&self, time: Duration) -> Duration {
        time * self.slow
    }

    /// `finrst trace -o json`, attached the way asked for. By tracepoints alone records come through
    /// the transport finrst would not choose itself, so that both are seen on every kernel.
    pub(crate) fn trace(&self, arguments: &[String]) -> Command {
        let mut command = self.trace_with_stacks();
        let chosen = arguments.iter().any(|it| it == "--transport");
        if self.way == Way::Tracepoint && !chosen {
            command.args(["--transport", "perf"]);
        }
        command.args(self.without_stacks()).args(arguments);
        command
    }

    /// As [`trace`](Self::trace), with stacks in guests too.
    pub(crate) fn trace_with_stacks(&self) -> Command {
        let mut command = Command::new(&self.finrst);
        command.args(["trace", "-o", "json"]);
        if self.way != Way::Auto {
            command.args(["--way", self.way.name()]);
        }
        command
    }

    /// What keeps every run in a guest from reading the names of the kernel's functions, a matter of
    /// many seconds there; the tests of stacks do it once.
    pub(crate) fn without_stacks(&self) -> &[&str] {
        if self.guest {
            &["--stack", "none"]
        } else {
            &[]
        }
    }
}

/// A test: it succeeds, fails with what was expected and got, or fails with an [`outcome::Skip`].
pub(crate) type Test = fn(&Lab) -> anyhow::Result<()>;

/// A test that leaves the score of what it was told as well.
pub(crate) type Scored = fn(&Lab, &mut Score) -> anyhow::Result<()>;

/// Runs the tests asked for and reports each.
///
/// # Errors
/// Nothing could be tested at all.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if options.score {
        return accuracy::run(options.log.as_deref());
    }
    let lab = Lab::new(&options.finrst, options.way)?;
    let mut report = Report::new(options.way, options.lines);
    suite::run(&lab, &options.names, &mut report)?;
    let failed = report.try_again();
    if !failed.is_empty() {
        suite::run(&lab, &failed, &mut report)?;
    }
    Ok(report.close(options.no_skip))
}

/// Shows what a test found, whatever its outcome.
fn print(text: &str) {
    println!("{text}");
}
