//! A soak: connections come and go for long while everything happens to finrst that may happen to it.

mod account;
mod churn;
mod life;
mod memory;
pub(super) mod watched;
mod witness;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};

pub(crate) use self::{account::PerKind, churn::Churned, life::End, witness::Witnessed};
use super::{
    chance::{self, Chance},
    held,
};
use crate::lab::{Lab, clock::Deadline};

/// How long the soak among the tests lasts: a few lives.
const AMONG_TESTS: Duration = Duration::from_secs(12);

/// What a soak saw, none of it wrong.
#[derive(Debug)]
pub(crate) struct Soaked {
    /// What makes its chances come again.
    pub(crate) seed: u64,
    /// The connections.
    pub(crate) churned: Churned,
    /// The finrst that lived all the time.
    pub(crate) witnessed: Witnessed,
    /// How many others there were, by how they ended.
    pub(crate) lives: BTreeMap<End, u64>,
    /// Their accounts together, of those that could still tell theirs.
    pub(crate) accounts: PerKind,
    /// How often one of them was stopped and went on.
    pub(crate) stops: u64,
}

/// A short one.
pub(super) fn short(lab: &Lab) -> anyhow::Result<()> {
    let soaked = soak(lab, lab.patience(AMONG_TESTS), chance::seed()?)?;
    ensure!(soaked.churned.connections > 0, "no connection came to be");
    ensure!(!soaked.lives.is_empty(), "nobody lived");
    Ok(())
}

/// Soaks for this time.
///
/// # Errors
/// The first thing that went wrong, and the seed.
pub(crate) fn soak(lab: &Lab, time: Duration, seed: u64) -> anyhow::Result<Soaked> {
    watch(lab, time, seed).with_context(|| format!("with FINRST_SEED={seed}"))
}

fn watch(lab: &Lab, time: Duration, seed: u64) -> anyhow::Result<Soaked> {
    let before = held::kept()?;
    let mut chance = Chance::new(seed);
    let (for_churn, for_witness) = (chance.another(), chance.another());
    let over = AtomicBool::new(false);
    let deadline = Deadline::after(time);
    let (churned, witnessed, lives) = thread::scope(|scope| {
        let churn = scope.spawn(|| churn::run(lab, for_churn, &over));
        let witness = scope.spawn(|| witness::run(lab, for_witness, &over));
        let mut lives = life::Lives::new(lab, chance);
        let mut outcome = Ok(());
        while outcome.is_ok() && !deadline.left().is_zero() && !over.load(Ordering::Relaxed) {
            outcome = lives.one();
        }
        over.store(true, Ordering::Relaxed);
        let panicked = "a thread of the soak panicked";
        let churned = churn.join().ok().context(panicked)?;
        let witnessed = witness.join().ok().context(panicked)?;
        outcome?;
        anyhow::Ok((churned?, witnessed?, lives))
    })?;
    held::wait_for(lab, "pins and mounts of namespaces", || {
        let now = held::kept()?;
        Ok(now.difference(&before).cloned().collect::<Vec<_>>())
    })?;
    Ok(Soaked {
        seed,
        churned,
        witnessed,
        lives: lives.ended,
        accounts: lives.accounts,
        stops: lives.stops,
    })
}
