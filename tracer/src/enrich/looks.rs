//! Looks at who holds a socket right now, for the few endings no event tells it of.
//!
//! One look walks the descriptors of every process, so looks are rare: those wanted at one time
//! share one, and in the long run looking never takes more than a twentieth of the time.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use super::{clock, holders, scan::sees_initial_pids};
use crate::model::{holder::Holder, time::MonoNs};

/// One part in this many of the time may be spent looking.
const SHARE: u64 = 20;

/// Nanoseconds that may be spent at once, after as long a rest as that needs.
const BURST: u64 = 500_000_000;

/// Nanoseconds one look may take; a machine with more descriptors than that allows gets none.
const LONGEST: u64 = 250_000_000;

/// Inodes wanted at most at one time, and results kept at most.
const LIMIT: usize = 1_024;

/// Looks made and to be made.
pub(super) struct Looks {
    proc: PathBuf,
    /// Whether the pids in `proc` are those that hooks tell.
    ours: bool,
    wanted: HashSet<u64>,
    found: HashMap<u64, Vec<Holder>>,
    /// Nanoseconds that may be spent now.
    allowance: u64,
    /// Up to when time was allowed.
    allowed: MonoNs,
}

impl Looks {
    /// No look yet; `proc` is where the proc file system is mounted.
    pub(super) fn new(proc: &Path) -> Self {
        Self {
            proc: proc.to_owned(),
            ours: sees_initial_pids(proc),
            wanted: HashSet::new(),
            found: HashMap::new(),
            allowance: BURST,
            allowed: clock::now(),
        }
    }

    /// Who holds this socket is to be looked for.
    pub(super) fn want(&mut self, inode: u32) {
        if self.ours && self.wanted.len() < LIMIT {
            self.wanted.insert(u64::from(inode));
        }
    }

    /// Looks for everything wanted, if something is and there is time.
    pub(super) fn look(&mut self) {
        if self.wanted.is_empty() {
            return;
        }
        let begin = clock::now();
        let earned = begin.since(self.allowed) / SHARE;
        self.allowance = self.allowance.saturating_add(earned).min(BURST);
        self.allowed = begin;
        if self.allowance == 0 {
            return;
        }
        if self.found.len() > LIMIT {
            self.found.clear();
        }
        // The buffers fill meanwhile.
        let until = begin.after(LONGEST);
        let found = holders::of_inodes(&self.proc, &self.wanted, until);
        let wanted = std::mem::take(&mut self.wanted);
        if let Some(mut found) = found {
            let held = wanted.into_iter().map(|inode| {
                let holders = found.remove(&inode).unwrap_or_default();
                (inode, holders)
            });
            self.found.extend(held);
        }
        let spent = clock::now().since(begin);
        self.allowance = self.allowance.saturating_sub(spent);
    }

    /// What the last look found for a socket, told once; `None` when there was no time for one.
    pub(super) fn take(&mut self, inode: u32) -> Option<Vec<Holder>> {
        let inode = u64::from(inode);
        self.wanted.remove(&inode);
        self.found.remove(&inode)
    }
}
