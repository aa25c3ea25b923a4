//! What stacks cost: in the hooks, in finrst, until the first is told, and in memory.
//!
//! Everything happens over loopback in a namespace of its own, one connection after the other. No
//! batch begins before the one before it is told, so nothing is measured of a queue.

mod ender;
mod report;
mod subject;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};

use self::{
    ender::{Compiled, Ender, Manner, SITES},
    report::Report,
    subject::{Resident, Subject, Told, WAYS},
};
use super::statistics;
use crate::{scene::netns, shell};

/// What `xtask bench stack` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The finrst to measure.
    #[arg(long, default_value = "target/release/finrst")]
    finrst: PathBuf,
    /// How many turns every choice of --stack gets.
    #[arg(long, default_value_t = 7)]
    turns: u32,
    /// Connections of a turn, of each manner to end.
    #[arg(long, default_value_t = 1_024)]
    connections: u64,
    /// How many are told, one by one, after the first.
    #[arg(long, default_value_t = 15)]
    later: u32,
    /// Resets after which the memory is looked at, and again after as many.
    #[arg(long, default_value_t = 20_000)]
    resets: u64,
    /// Write the page here.
    #[arg(long)]
    write: Option<PathBuf>,
}

/// Connections that end before the next have to wait for them to be told.
const BATCH: u64 = 256;
/// How long an ending waits for more acts, where nothing depends on it.
const SETTLE: &str = "100ms";

/// What a turn of one choice of `--stack` cost; nanoseconds in tenths.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn {
    /// For connections that ended by resets.
    reset: Cost,
    /// For those that ended by FINs.
    fin: Cost,
    /// From the first reset to its ending.
    first: u64,
    /// The median of later ones.
    later: u64,
}

/// What the endings of connections cost.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    /// A run of the hook that takes the stack.
    run: u64,
    /// All hooks of both ends of a connection.
    hooks: u64,
    /// All threads of finrst, for an ending.
    finrst: u64,
    /// Of that the thread of the names.
    names: u64,
}

/// How large a finrst became.
struct Memory {
    /// The choice of `--stack`.
    way: &'static str,
    /// Whether each 64 resets were another program's.
    many: bool,
    /// Attached, and after the resets.
    resident: [Resident; 3],
    /// What it told.
    told: Told,
}

/// Measures every choice in turn, and prints the page.
///
/// # Errors
/// The caller is not root, there is no gcc, or something was not told.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let finrst = options.finrst.canonicalize();
    let finrst = finrst.with_context(|| format!("no {}", options.finrst.display()))?;
    netns::enter_new()?;
    let compiled = Compiled::new()?;
    let mut turns = vec![Vec::new(); WAYS.len()];
    for turn in 0..options.turns {
        eprintln!("turn {} of {}", turn + 1, options.turns);
        let mut order: Vec<_> = WAYS.iter().zip(&mut turns).collect();
        order.rotate_left(usize::try_from(turn)? % WAYS.len());
        for (way, taken) in order {
            let turn = one(options, &finrst, way, &compiled);
            taken.push(turn.with_context(|| format!("--stack {way}"))?);
        }
    }
    let mut memory = Vec::new();
    for (way, many) in [
        ("none", false),
        ("both", false),
        ("none", true),
        ("both", true),
    ] {
        eprintln!(
            "memory: --stack {way}, {}",
            if many { "many programs" } else { "one" }
        );
        memory.push(grow(options.resets, &finrst, (way, many), &compiled)?);
    }
    let page = Report::of(options, &turns, memory)?.page();
    println!("{page}");
    if let Some(path) = &options.write {
        std::fs::write(shell::root().join(path), page)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One turn of one choice: how long the first takes, then what many cost.
fn one(options: &Options, finrst: &Path, way: &str, compiled: &Compiled) -> anyhow::Result<Turn> {
    let (soonest, later) = delays(options, finrst, way, compiled)?;
    let mut subject = Subject::start(finrst, way, SETTLE)?;
    let mut ender = compiled.start()?;
    // Names are found once, before anything is measured.
    for manner in [Manner::Reset, Manner::Fin] {
        ender.end(manner, SITES)?;
        subject.told(SITES)?;
    }
    let turn = Turn {
        reset: cost(options.connections, &mut subject, &mut ender, Manner::Reset)?,
        fin: cost(options.connections, &mut subject, &mut ender, Manner::Fin)?,
        first: soonest,
        later,
    };
    subject.stop()?;
    Ok(turn)
}

/// Nanoseconds, in tenths, from a reset to its ending: of the first, and the median of later ones.
fn delays(
    options: &Options,
    finrst: &Path,
    way: &str,
    compiled: &Compiled,
) -> anyhow::Result<(u64, u64)> {
    let mut subject = Subject::start(finrst, way, "1ms")?;
    let mut ender = compiled.start()?;
    let mut one = || {
        ender.end(Manner::Reset, 1)?;
        subject.delay().map(|ns| ns * 10)
    };
    let soonest = one()?;
    let later: anyhow::Result<Vec<_>> = (0..options.later).map(|_| one()).collect();
    let mut later = later?;
    later.sort_unstable();
    subject.stop()?;
    Ok((soonest, later.get(later.len() / 2).copied().unwrap_or(0)))
}

/// What so many connections cost.
fn cost(
    connections: u64,
    subject: &mut Subject,
    ender: &mut Ender,
    manner: Manner,
) -> anyhow::Result<Cost> {
    let before = subject.used()?;
    let (programs, ()) = statistics::during(subject.pid(), || {
        batches(connections, subject, |batch| ender.end(manner, batch)).map(drop)
    })?;
    let after = subject.used()?;
    // As far as the kernel keeps names, whichever way the hooks were attached.
    let hooks: &[&str] = match manner {
        Manner::Reset => &["tcp_send_active", "rst_sent"],
        Manner::Fin => &["inet_sock_set_s"],
    };
    let (mut ns, mut runs) = (0, 0);
    for program in &programs {
        let name = program.name()?;
        if hooks.iter().any(|hook| name.starts_with(hook)) {
            (ns, runs) = (ns + program.ns, runs + program.runs);
        }
    }
    ensure!(runs >= connections, "{hooks:?} ran {runs} times");
    let endings = connections * 2;
    Ok(Cost {
        run: ns * 10 / runs,
        hooks: programs.iter().map(|it| it.ns).sum::<u64>() * 10 / connections,
        finrst: (after.all - before.all) * 10 / endings,
        names: (after.names - before.names) * 10 / endings,
    })
}

/// Lets connections end, never more at once than are told before the next.
fn batches(
    connections: u64,
    subject: &mut Subject,
    mut end: impl FnMut(u64) -> anyhow::Result<()>,
) -> anyhow::Result<Told> {
    let mut sum = Told::default();
    let mut left = connections;
    while left > 0 {
        let batch = left.min(BATCH);
        end(batch)?;
        let told = subject.told(batch)?;
        sum.named += told.named;
        sum.resets += told.resets;
        left -= batch;
    }
    Ok(sum)
}

/// How large it becomes, by resets of one program or of many.
fn grow(
    resets: u64,
    finrst: &Path,
    (way, many): (&'static str, bool),
    compiled: &Compiled,
) -> anyhow::Result<Memory> {
    let mut subject = Subject::start(finrst, way, SETTLE)?;
    let mut ender = compiled.start()?;
    let mut resident = [subject.resident()?; 3];
    let mut told = Told::default();
    for after in resident.iter_mut().skip(1) {
        // They stay until they are told, and a moment longer: the next ones take their place.
        let mut enders = Vec::new();
        let half = batches(resets, &mut subject, |batch| {
            if !many {
                return ender.end(Manner::Reset, batch);
            }
            enders.clear();
            let mut left = batch;
            while left > 0 {
                let mut another = compiled.start_another()?;
                another.end(Manner::Reset, left.min(SITES))?;
                left -= left.min(SITES);
                enders.push(another);
            }
            Ok(())
        })?;
        told.named += half.named;
        told.resets += half.resets;
        *after = subject.resident()?;
    }
    subject.stop()?;
    Ok(Memory {
        way,
        many,
        resident,
        told,
    })
}
