//! The shapes of what a report's page carries: the rows of its table, and what is said of all endings
//! together. The page and these are one program; nobody else is promised anything.

mod rows;

use std::borrow::Cow;

use serde::Serialize;

pub(in crate::render) use self::rows::Rows;
use super::{alignment::alignment, run};
use crate::{
    latency::{Group, group::Key, spread::Spread},
    model::{alignment::Alignment, phases::Phase, time::MonoNs},
    render::time::WallClock,
    report::{Counts, Gathered, ranking::Ranking},
    tally::Tally,
};

/// Owners, peers and places in code that are named.
const NAMED: usize = 100;
/// Causes that have a curve of their own in each phase.
const CURVES: usize = 5;
/// Points of a curve at most.
const POINTS: usize = 120;

/// What a page is of.
#[derive(Clone, Debug, Default, Serialize)]
pub(in crate::render) struct About {
    /// The name of the recording.
    pub(in crate::render) name: String,
    /// Version of the finrst that traced.
    pub(in crate::render) finrst: Option<String>,
    /// Release of the kernel.
    pub(in crate::render) kernel: Option<String>,
    /// Architecture of the machine.
    pub(in crate::render) machine: Option<String>,
    /// When the hooks were attached, in nanoseconds of their clock.
    pub(in crate::render) start_ns: u64,
    /// Every point and the way it was hooked.
    pub(in crate::render) points: Vec<(String, Option<String>)>,
}

/// What is said of all endings together.
#[derive(Serialize)]
struct Whole<'a, A, T> {
    about: &'a About,
    start_us: i64,
    end_us: i64,
    /// As in the `summary` line.
    tally: T,
    /// As in the `alignment` lines.
    alignments: Vec<A>,
    endings: u64,
    reset: u64,
    leaked: u64,
    causes: Vec<Ranked<'a>>,
    timeline: Timeline,
    owners: Ranks<'a>,
    peers: Ranks<'a>,
    code: Ranks<'a>,
    phases: Vec<PhaseShape>,
}

/// One of a ranking.
#[derive(Serialize)]
struct Ranked<'a> {
    name: Cow<'a, str>,
    /// What finds its endings in the table.
    find: Option<String>,
    endings: u64,
    reset: u64,
    leaked: u64,
}

/// A ranking.
#[derive(Serialize)]
struct Ranks<'a> {
    first: Vec<Ranked<'a>>,
    /// How many there are.
    keys: usize,
    /// Endings of those that were not told apart.
    others: u64,
}

/// Endings over time.
#[derive(Serialize)]
struct Timeline {
    from_us: i64,
    width_ns: u64,
    causes: Vec<(&'static str, Vec<u64>)>,
}

/// How long one phase took.
#[derive(Serialize)]
struct PhaseShape {
    phase: &'static str,
    count: u64,
    mean: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
    /// Of all endings first, without a name, then of causes.
    curves: Vec<Curve>,
}

/// What share took no longer than how many nanoseconds.
#[derive(Serialize)]
struct Curve {
    cause: Option<String>,
    count: u64,
    points: Vec<(u64, f64)>,
}

/// Everything that is said of all endings together.
pub(in crate::render) fn whole<'a>(
    about: &'a About,
    gathered: &'a Gathered,
    tally: &'a Tally,
    alignments: &'a [Alignment],
    clock: &'a WallClock,
) -> impl Serialize + use<'a> {
    let us = |at: MonoNs| clock.utc(at).as_microsecond();
    let causes = gathered.causes();
    let timeline = &gathered.timeline;
    let from = timeline.stretches().next().map_or(MonoNs(0), |(at, _)| at);
    Whole {
        about,
        start_us: us(MonoNs(about.start_ns)),
        end_us: us(tally.at),
        tally: run::summary(tally),
        alignments: alignments.iter().map(|it| alignment(it, clock)).collect(),
        endings: gathered.all.endings,
        reset: gathered.all.reset,
        leaked: gathered.all.leaked,
        timeline: Timeline {
            from_us: us(from),
            width_ns: timeline.width_ns(),
            causes: causes
                .iter()
                .map(|(cause, _)| (*cause, timeline.of(cause)))
                .collect(),
        },
        causes: causes
            .into_iter()
            .map(|(cause, counts)| ranked(cause.into(), None, counts))
            .collect(),
        owners: ranks(&gathered.owners, |key| (key.to_string().into(), find(key))),
        peers: ranks(&gathered.peers, |key| (key.to_string().into(), find(key))),
        code: ranks(&gathered.code, |code| (code.into(), None)),
        phases: phases(gathered),
    }
}

/// What finds the endings of a process or a peer.
fn find(key: &Key) -> Option<String> {
    match key {
        Key::Process(Some(process)) => Some(format!("pid:{}", process.pid)),
        Key::Process(None) => Some("pid:-".to_owned()),
        Key::Peer(address) => Some(format!("remote:{address}")),
        Key::All | Key::Cause(_) | Key::Function(_) => None,
    }
}

fn ranked(name: Cow<'_, str>, find: Option<String>, counts: Counts) -> Ranked<'_> {
    Ranked {
        name,
        find,
        endings: counts.endings,
        reset: counts.reset,
        leaked: counts.leaked,
    }
}

fn ranks<'a, K: Ord>(
    ranking: &'a Ranking<K>,
    told: impl Fn(&'a K) -> (Cow<'a, str>, Option<String>),
) -> Ranks<'a> {
    let first = ranking.first(NAMED).into_iter().map(|(key, counts)| {
        let (name, find) = told(key);
        ranked(name, find, counts)
    });
    Ranks {
        first: first.collect(),
        keys: ranking.keys(),
        others: ranking.others().endings,
    }
}

fn phases(gathered: &Gathered) -> Vec<PhaseShape> {
    let all = gathered.latencies.groups();
    let Some((_, all)) = all.first() else {
        return Vec::new();
    };
    let causes = gathered.by_cause.groups();
    let shape = |(phase, spread): (Phase, &Spread)| {
        let mut curves = vec![curve(None, spread)];
        let of = |group: &Group| {
            group
                .phases()
                .find(|(it, _)| *it == phase)
                .map(|(_, it)| it.clone())
        };
        let several = causes
            .iter()
            .filter_map(|(key, group)| Some((key, of(group)?)));
        let several: Vec<_> = several.take(CURVES).collect();
        // One alone would be drawn over the curve of all.
        if several.len() > 1 {
            curves.extend(
                several
                    .iter()
                    .map(|(key, it)| curve(Some(key.to_string()), it)),
            );
        }
        PhaseShape {
            phase: phase.name(),
            count: spread.count(),
            mean: spread.mean(),
            p50: spread.quantile(0.5),
            p90: spread.quantile(0.9),
            p99: spread.quantile(0.99),
            p999: spread.quantile(0.999),
            max: spread.max(),
            curves,
        }
    };
    all.phases().map(shape).collect()
}

/// A curve with few points: the last of each step of shares, and the very last.
fn curve(cause: Option<String>, spread: &Spread) -> Curve {
    let all = spread.cumulated();
    let every = all.len().div_ceil(POINTS).max(1);
    let last = all.len().saturating_sub(1);
    let kept = all
        .iter()
        .enumerate()
        .filter(|(place, _)| place % every == 0 || *place == last);
    Curve {
        cause,
        count: spread.count(),
        points: kept
            .map(|(_, &(ns, share))| (ns, (share * 1e4).round() / 1e4))
            .collect(),
    }
}
