//! What each capture of FINs and RSTs costs a packet that is neither.
//!
//! One thread plays ping-pong with itself over loopback in a namespace of its own: a byte of TCP each
//! way, so that sending, both sides of the device and the receiving stack all run on its own account
//! and nothing waits for anybody. The ways take turns, many times, and what is compared is always of
//! one turn.

mod capturer;
mod load;
mod report;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use nix::unistd::Pid;

use self::{
    capturer::{Capturer, MODES},
    load::{Batch, PingPong},
    report::Report,
};
use super::statistics;
use crate::{scene::netns, shell};

/// What `xtask bench wire` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The finrst to measure.
    #[arg(long, default_value = "target/release/finrst")]
    finrst: PathBuf,
    /// How many turns every way gets.
    #[arg(long, default_value_t = 9)]
    turns: u32,
    /// How many batches of a turn are measured.
    #[arg(long, default_value_t = 60)]
    batches: u32,
    /// Round trips of a batch, two packets each.
    #[arg(long, default_value_t = 2_000)]
    round_trips: u32,
    /// Write the page here.
    #[arg(long)]
    write: Option<PathBuf>,
}

/// Nanoseconds, in tenths, that one turn of a way cost a packet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Turn {
    /// In the context of whoever sends and receives: the quartile of the batches that were disturbed
    /// least.
    pub(crate) packet: u64,
    /// In the process that captures.
    pub(crate) capturer: u64,
    /// In the two programs of the kernel half by the kernel's own count, its two looks at the clock
    /// included; zero where there are none.
    pub(crate) programs: u64,
}

/// Measures every way in turn, and prints the page.
///
/// # Errors
/// The caller is not root, or a capture could not be run.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let finrst = options.finrst.canonicalize();
    let finrst = finrst.with_context(|| format!("no {}", options.finrst.display()))?;
    netns::enter_new()?;
    let mut load = PingPong::new()?;
    let mut turns = vec![Vec::new(); MODES.len()];
    for turn in 0..options.turns {
        eprintln!("turn {} of {}", turn + 1, options.turns);
        let mut order: Vec<_> = MODES.iter().zip(&mut turns).collect();
        order.rotate_left(usize::try_from(turn)? % MODES.len());
        for (mode, taken) in order {
            taken.push(one(options, &finrst, mode, &mut load)?);
        }
    }
    let page = Report::of(&turns)?.page();
    println!("{page}");
    if let Some(path) = &options.write {
        std::fs::write(shell::root().join(path), page)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One turn of one way; that of the programs is another run, for the kernel's counting costs.
fn one(
    options: &Options,
    finrst: &Path,
    mode: &capturer::Mode,
    load: &mut PingPong,
) -> anyhow::Result<Turn> {
    let capturer = Capturer::start(finrst, mode)?;
    load.batch(options.round_trips)?;
    let before = capturer.run_ns()?;
    let mut batches = Vec::new();
    let mut packets = 0;
    for _ in 0..options.batches {
        let batch = load.batch(options.round_trips)?;
        packets += batch.packets;
        batches.push(batch.ns * 10 / batch.packets);
    }
    let after = capturer.run_ns()?;
    let programs = if mode.counts {
        let pid = capturer.pid().context("nothing runs")?;
        in_programs(pid, || load.batch(options.round_trips))?
    } else {
        0
    };
    capturer.stop()?;
    batches.sort_unstable();
    Ok(Turn {
        packet: batches.get(batches.len() / 4).copied().unwrap_or(0),
        capturer: (after - before) * 10 / packets,
        programs,
    })
}

/// Tenths of nanoseconds a packet spent in the programs that ran for every one.
fn in_programs(pid: Pid, packets: impl FnOnce() -> anyhow::Result<Batch>) -> anyhow::Result<u64> {
    let (programs, batch) = statistics::during(pid, packets)?;
    let each = programs.iter().filter(|it| it.runs >= batch.packets);
    let sum = each.map(|it| it.ns * 10 / it.runs).sum();
    ensure!(sum > 0, "no program ran for every packet");
    Ok(sum)
}
