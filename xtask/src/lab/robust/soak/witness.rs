//! The finrst that lives from the beginning of a soak to its end, stopped now and then.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;

use super::{
    super::{chance::Chance, held},
    account::PerKind,
    memory::Memory,
    watched::{Reader, Watched},
};
use crate::lab::{Lab, clock::Deadline};

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// One look in so many is followed by a stop.
const STOPS: u64 = 12;

/// The longest stop: longer than an ending takes to settle.
const STOP_MS: u64 = 1_500;

/// What it told.
#[derive(Debug)]
pub(crate) struct Witnessed {
    /// Endings.
    pub(crate) endings: u64,
    /// Its account.
    pub(crate) account: PerKind,
    /// Its memory.
    pub(crate) memory: Memory,
    /// How often it was stopped and went on.
    pub(crate) stops: u64,
    /// How long it lived.
    pub(crate) life: Duration,
}

/// Lives until it is over; when something is wrong with it, it is over.
pub(super) fn run(lab: &Lab, chance: Chance, over: &AtomicBool) -> anyhow::Result<Witnessed> {
    let lived = live(lab, chance, over).context("the one that lives all the time");
    over.store(true, Ordering::Relaxed);
    lived
}

fn live(lab: &Lab, mut chance: Chance, over: &AtomicBool) -> anyhow::Result<Witnessed> {
    let patience = lab.patience(Duration::from_mins(1));
    let mut command = lab.trace(&["--wire".to_owned(), "xmit".to_owned()]);
    let mut watched = Watched::start(&mut command, Reader::Stays)?;
    watched.attached(patience)?;
    let born = Deadline::after(Duration::ZERO);
    let objects = held::by(watched.pid())?;
    ensure!(!objects.is_empty(), "it holds no program");
    let (mut memory, mut stops) = (Memory::default(), 0);
    while !over.load(Ordering::Relaxed) {
        thread::sleep(LOOK);
        ensure!(!watched.has_ended()?, "it ended by itself");
        memory.look(watched.pid())?;
        if chance.below(STOPS) == 0 {
            watched.signal(Signal::SIGSTOP)?;
            thread::sleep(chance.moment(STOP_MS));
            watched.signal(Signal::SIGCONT)?;
            stops += 1;
        }
    }
    watched.signal(Signal::SIGINT)?;
    let gone = watched.wait(patience)?;
    let life = born.elapsed();
    ensure!(
        gone.status.success(),
        "it ended with {}: {}",
        gone.status,
        gone.talk
    );
    let mut account = PerKind::new();
    let summary = gone.heard.summary.context("there is no summary")?;
    summary.join(gone.heard.endings, &mut account)?;
    held::gone(lab, &objects)?;
    Ok(Witnessed {
        endings: gone.heard.endings,
        account,
        memory,
        stops,
        life,
    })
}
