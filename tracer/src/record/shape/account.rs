//! The kernel half's counters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tracer_common::event::Kind;

use crate::{
    model::time::MonoNs,
    tally::{self, PerKind},
};

/// Counters by the names of the kinds; what is not there is zero.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::record) struct Account {
    emitted: BTreeMap<String, u64>,
    lost: BTreeMap<String, u64>,
    missed: Option<u64>,
    forgotten: u64,
    #[serde(default)]
    captured: Option<Captured>,
    #[serde(default)]
    clocks: Option<Clocks>,
    at_ns: u64,
}

/// Counters of a capture.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Captured {
    frames: u64,
    dropped: u64,
    unreadable: u64,
    untimed: u64,
    #[serde(default)]
    left_out: u64,
    #[serde(default)]
    syns_left_out: u64,
}

/// What happened to the clocks.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Clocks {
    steps: u64,
    largest_step_ns: i64,
    suspends: u64,
    suspended_ns: u64,
    error_p50_ns: u64,
    error_max_ns: u64,
}

impl Account {
    pub(in crate::record) fn new(account: &tally::Account) -> Self {
        let tally::Account {
            emitted,
            lost,
            missed,
            forgotten,
            captured,
            clocks,
            at,
        } = account;
        Self {
            emitted: by_name(emitted),
            lost: by_name(lost),
            missed: *missed,
            forgotten: *forgotten,
            captured: captured.map(|it| Captured {
                frames: it.frames,
                dropped: it.dropped,
                unreadable: it.unreadable,
                untimed: it.untimed,
                left_out: it.left_out,
                syns_left_out: it.syns_left_out,
            }),
            clocks: clocks.map(|it| Clocks {
                steps: it.steps,
                largest_step_ns: it.largest_step_ns,
                suspends: it.suspends,
                suspended_ns: it.suspended_ns,
                error_p50_ns: it.error_p50_ns,
                error_max_ns: it.error_max_ns,
            }),
            at_ns: at.0,
        }
    }

    pub(in crate::record) fn account(&self) -> tally::Account {
        tally::Account {
            emitted: per_kind(&self.emitted),
            lost: per_kind(&self.lost),
            missed: self.missed,
            forgotten: self.forgotten,
            captured: self.captured.map(|it| tally::Captured {
                frames: it.frames,
                dropped: it.dropped,
                unreadable: it.unreadable,
                untimed: it.untimed,
                left_out: it.left_out,
                syns_left_out: it.syns_left_out,
            }),
            clocks: self.clocks.map(|it| tally::Clocks {
                steps: it.steps,
                largest_step_ns: it.largest_step_ns,
                suspends: it.suspends,
                suspended_ns: it.suspended_ns,
                error_p50_ns: it.error_p50_ns,
                error_max_ns: it.error_max_ns,
            }),
            at: MonoNs(self.at_ns),
        }
    }
}

fn by_name(counts: &PerKind) -> BTreeMap<String, u64> {
    let counted = counts.named().filter(|&(_, count)| count != 0);
    counted
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}

fn per_kind(by_name: &BTreeMap<String, u64>) -> PerKind {
    let mut counts = PerKind::default();
    for kind in Kind::ALL {
        counts.set(kind, by_name.get(kind.name()).copied().unwrap_or(0));
    }
    counts
}
