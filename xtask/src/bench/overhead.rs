//! What finrst costs a connection, and what its peers cost for the same connections.
//!
//! The ways take turns, and what is compared is always of one turn: the machine may do other things.

mod cost;
mod crowded;
mod curve;
mod goals;
mod paced;
mod report;
mod saturated;
mod watcher;
mod way;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use serde::Serialize;

use self::{cost::Cost, crowded::Crowded, paced::Paced, saturated::Saturated, way::WAYS};
use super::churn::Churn;
use crate::{mounts, scene::netns, shell};

/// What `xtask bench overhead` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The finrst to measure.
    #[arg(long, default_value = "target/release/finrst")]
    finrst: PathBuf,
    /// How many turns every way gets.
    #[arg(long, default_value_t = 5)]
    turns: u32,
    /// Connections of a turn, of each manner to end.
    #[arg(long, default_value_t = 4_000)]
    connections: u64,
    /// The most sockets that are open meanwhile, of 1,000 and ten times as many on.
    #[arg(long, default_value_t = 1_000_000)]
    sockets: u64,
    /// Write the page here; the numbers as JSON and the curves as SVG go into the directory of its name.
    #[arg(long)]
    write: Option<PathBuf>,
}

/// Everything that was measured; times are nanoseconds.
#[derive(Debug, Default, Serialize)]
struct Measured {
    place: String,
    turns: u32,
    connections: u64,
    /// Of each way, each turn: what a connection cost that ended by FINs, and by an RST.
    costs: Vec<Vec<[Cost; 2]>>,
    /// Of each way that is measured at it, each turn.
    saturated: Vec<(usize, Vec<Saturated>)>,
    /// Of each way and rate that is measured, each turn.
    paced: Vec<(usize, u64, Vec<Paced>)>,
    /// finrst alone, with ever more sockets.
    crowded: Vec<Crowded>,
}

/// Where everything that is measured runs.
struct Stage<'a> {
    options: &'a Options,
    finrst: &'a Path,
    churn: &'a Churn,
    /// For what watchers print.
    directory: &'a Path,
}

/// Measures, and prints the page.
///
/// # Errors
/// The caller is not root, or something could not be run.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let finrst = options.finrst.canonicalize();
    let finrst = finrst.with_context(|| format!("no {}", options.finrst.display()))?;
    netns::enter_new()?;
    mounts::with_tracepoints()?;
    // In memory: a disk is not to be measured.
    let directory = Path::new("/dev/shm").join(format!("finrst-bench-{}", std::process::id()));
    std::fs::create_dir(&directory)?;
    let measured = measure(&Stage {
        options,
        finrst: &finrst,
        churn: &Churn::new()?,
        directory: &directory,
    });
    std::fs::remove_dir_all(&directory)?;
    let measured = measured?;
    let page = report::page(&measured);
    println!("{page}");
    if let Some(path) = &options.write {
        let path = shell::root().join(path);
        let beside = path.with_extension("");
        std::fs::create_dir_all(&beside)?;
        std::fs::write(&path, page)?;
        std::fs::write(beside.join("overhead.json"), serde_json::to_vec(&measured)?)?;
        for (name, svg) in report::curves(&measured) {
            std::fs::write(beside.join(name), svg)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(stage: &Stage<'_>) -> anyhow::Result<Measured> {
    let mut measured = Measured {
        turns: stage.options.turns,
        connections: stage.options.connections,
        costs: vec![Vec::new(); WAYS.len()],
        saturated: saturated::WAYS.map(|way| (way, Vec::new())).to_vec(),
        paced: paced::cases(),
        ..Measured::default()
    };
    // Before anything runs: its load is not the machine's.
    measured.place = super::figures::place()?;
    for turn in 0..stage.options.turns {
        eprintln!("turn {} of {}", turn + 1, stage.options.turns);
        let turn = usize::try_from(turn)?;
        for place in rotated(WAYS.len(), turn) {
            let (way, taken) = (WAYS.get(place), measured.costs.get_mut(place));
            let (way, taken) = way.zip(taken).context("a way")?;
            taken.push(cost::of(stage, way).context(way.name)?);
        }
        for place in rotated(measured.saturated.len(), turn) {
            let (way, taken) = measured.saturated.get_mut(place).context("a way")?;
            let way = WAYS.get(*way).context("a way")?;
            taken.push(saturated::of(stage, way).context(way.name)?);
        }
        for (way, rate, taken) in &mut measured.paced {
            let way = WAYS.get(*way).context("a way")?;
            taken.push(paced::of(stage, way, *rate).context(way.name)?);
        }
    }
    measured.crowded = crowded::all(stage)?;
    Ok(measured)
}

/// The numbers below `count`, another one first each turn.
fn rotated(count: usize, turn: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |place| (place + turn) % count)
}
