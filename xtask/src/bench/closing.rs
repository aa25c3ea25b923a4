//! How differently two servers close that do the same: a plain Close against one that waits.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use serde_json::Value;

use super::figures;
use crate::{
    lab::{Lab, Way, latency::closing},
    shell,
};

/// What `xtask bench closing` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The finrst that compares.
    #[arg(long, default_value = "target/release/finrst")]
    finrst: PathBuf,
    /// Visits to each server.
    #[arg(long, default_value_t = 4_000)]
    visits: u32,
}

/// Where the page goes.
const PAGE: &str = "docs/benchmarks/closing.md";

const HEAD: &str = "\
# A plain Close and one that waits

`cargo xtask bench closing` writes this page: two servers of Go (`xtask/go/closing.go`) that answer a request and close, \
A by a plain\n`Close`, B by `CloseWrite`, reading to the end for 200 ms at most, and `Close`. Both have the same clients by turns: \
of ten, six close at once,\ntwo send a second request that nobody reads, one closes 20 ms later, and one 2.5 s later, where an orphan \
waits for a second\n(`tcp_fin_timeout`). Numbers are those of `finrst latency --compare A B`; *between* holds the true difference in 95 of a hundred \
cases.\n\nWho sends a second request is reset by the plain Close and loses what was on its way; the waiting one reads it. The client that stays away\n\
gets an RST for its FIN from both, when the connection has ended there.\n\
What a waiting Close costs is the time in `FIN_WAIT2`, during which a goroutine and a descriptor\nare held; \
*total* counts from the first call that closes, which is a different one where a shutdown cannot be told from a close.\n";

/// Compares them, of endings and in the kernel, and writes the page.
///
/// # Errors
/// There is no Go, or something could not be run.
pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let lab = Lab::new(&options.finrst, Way::Auto)?;
    let mut page = String::from(HEAD);
    let mut go = "";
    let modes: [(&str, &[&str]); 2] = [("Of endings", &[]), ("In the kernel", &["--in-kernel"])];
    for (title, mode) in modes {
        let (told, version) = closing::difference(&lab, options.visits, mode)?;
        go = version;
        let _infallible = write!(page, "\n## {title}\n\n{}", table(&told)?);
    }
    let _infallible = writeln!(page, "\nMeasured on {}; Go {go}.", figures::place()?);
    print!("{page}");
    std::fs::write(shell::root().join(PAGE), page)?;
    Ok(ExitCode::SUCCESS)
}

fn table(told: &Value) -> anyhow::Result<String> {
    let mut table =
        String::from("| | A, plain | B, waiting | change | between |\n|---|---|---|---|---|\n");
    let endings = told.get("endings").context("no endings")?;
    let of = |side: &str| endings.get(side).and_then(Value::as_u64).unwrap_or(0);
    let _infallible = writeln!(
        table,
        "| endings | {} | {} | | |",
        of("before"),
        of("after")
    );
    for (name, place) in [("by RST", "/reset_share"), ("leaked", "/leaked_share")] {
        row(&mut table, name, told.pointer(place), |it| {
            format!("{:.1} %", it * 100.0)
        });
    }
    let phases = told.get("phases_ns").and_then(Value::as_object);
    for (phase, numbers) in phases.context("no phases")? {
        for (name, key) in [("average", "mean"), ("median", "p50"), ("P99", "p99")] {
            let name = format!("{phase}, {name}");
            row(&mut table, &name, numbers.get(key), |it| {
                format!("{:.3} ms", it / 1e6)
            });
        }
    }
    Ok(table)
}

fn row(table: &mut String, name: &str, change: Option<&Value>, shown: fn(f64) -> String) {
    let number = |key: &str| change.and_then(|it| it.get(key)).and_then(Value::as_f64);
    let text = |key: &str| number(key).map_or_else(|| "too few".to_owned(), shown);
    let _infallible = writeln!(
        table,
        "| {name} | {} | {} | {} | {} … {} |",
        text("before"),
        text("after"),
        text("change"),
        text("low"),
        text("high")
    );
}
