//! How long a look at very many sockets takes, and how much memory.

use std::{path::PathBuf, process::ExitCode};

use anyhow::ensure;

use super::figures::{self, Spread};
use crate::{
    lab::{
        Lab, Way,
        leaks::many::{Many, SOCKETS},
    },
    shell,
};

/// What `xtask bench leaks` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The finrst to measure.
    #[arg(long, default_value = "target/release/finrst")]
    finrst: PathBuf,
    /// How often is looked.
    #[arg(long, default_value_t = 11)]
    turns: u32,
}

/// Where the page goes.
const PAGE: &str = "docs/benchmarks/leaks.md";

/// Makes sockets that are left over, looks at them again and again, and writes the page.
///
/// # Errors
/// The caller is not root, or something could not be run.
pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let lab = Lab::new(&options.finrst, Way::Auto)?;
    let many = Many::new()?;
    many.all(&lab)?;
    let (mut elapsed, mut cpu, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.turns {
        let look = many.look(&lab)?;
        ensure!(
            look.used.code == Some(6),
            "nothing leaks: {:?}",
            look.used.code
        );
        elapsed.push(tenths_ms(look.elapsed.as_secs_f64()));
        cpu.push(tenths_ms(look.used.cpu_s));
        memory.push(look.used.memory_kib * 10 / 1_024);
    }
    many.end()?;
    let [elapsed, cpu, memory] =
        [elapsed, cpu, memory].map(|numbers| Spread::of(numbers.into_iter()).shown());
    let page = format!(
        "# A look at very many sockets\n\n\
         `cargo xtask bench leaks` writes this page: `finrst leaks -o json -p PIDS` while four processes in two network\n\
         namespaces hold {SOCKETS} sockets that nobody closes, half of them in `CLOSE_WAIT` and half in `FIN_WAIT2`. \
         Every one is\nfound, and told with its holder. The median of {} looks, and the quartiles.\n\n\
         | until it ended, ms | processor time, ms | memory, MiB |\n|---|---|---|\n\
         | {elapsed} | {cpu} | {memory} |\n\nMeasured on {}.\n",
        options.turns,
        figures::place()?
    );
    print!("{page}");
    std::fs::write(shell::root().join(PAGE), page)?;
    Ok(ExitCode::SUCCESS)
}

fn tenths_ms(seconds: f64) -> i64 {
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "a look takes no years"
    )]
    let tenths = (seconds * 10_000.0) as i64;
    tenths
}
