//! The shapes of `latency` and `difference` lines: how long the phases of many endings took.

use std::net::IpAddr;

use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::Text;
use crate::{
    latency::{
        Group,
        difference::{Difference, Differences, PhaseDifference},
        group::{Key, Process},
        spread::{Estimate, Spread},
    },
    model::{process::Comm, time::MonoNs},
};

/// Body of a `latency` line.
#[derive(Serialize)]
struct Latency<P> {
    from_mono_ns: Option<u64>,
    by: Option<&'static str>,
    process: Option<ProcessKey>,
    peer: Option<IpAddr>,
    cause: Option<&'static str>,
    function: Option<String>,
    endings: u64,
    reset: Option<u64>,
    leaked: Option<u64>,
    quantiles_within: Option<f64>,
    phases_ns: Option<P>,
}

#[derive(Serialize)]
struct ProcessKey {
    pid: u32,
    start_ns: Option<u64>,
    comm: Text<Comm>,
}

/// How one phase is spread.
#[derive(Serialize)]
struct Numbers {
    count: u64,
    mean: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

/// One member per phase that was seen.
struct Phases<'a>(&'a Group);

impl Serialize for Phases<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let phases = self.0.phases();
        serializer.collect_map(phases.map(|(phase, spread)| (phase.name(), numbers(spread))))
    }
}

/// A group of endings; `from` is where its interval began, none for the whole run, `within` the share
/// of a duration a quantile may be off by.
pub(in crate::render) fn latency(
    key: &Key,
    group: &Group,
    (from, within): (Option<MonoNs>, f64),
) -> impl Serialize {
    let mut body = Latency {
        from_mono_ns: from.map(|it| it.0),
        by: None,
        process: None,
        peer: None,
        cause: None,
        function: None,
        endings: group.endings,
        reset: Some(group.reset),
        leaked: Some(group.leaked),
        quantiles_within: Some(within),
        phases_ns: Some(Phases(group)),
    };
    match key {
        Key::All => body.by = Some("all"),
        Key::Process(owner) => {
            body.by = Some("process");
            body.process = owner.as_ref().map(process);
        }
        Key::Peer(address) => {
            body.by = Some("peer");
            body.peer = Some(*address);
        }
        Key::Cause(code) => {
            body.by = Some("cause");
            body.cause = Some(code);
        }
        Key::Function(code) => {
            body.by = Some("function");
            body.function.clone_from(code);
        }
    }
    body
}

fn process(process: &Process) -> ProcessKey {
    ProcessKey {
        pid: process.pid,
        start_ns: process.start_ns,
        comm: Text(process.comm()),
    }
}

/// Endings for whose groups there was no room, of which nothing else is known.
pub(in crate::render) fn refused(endings: u64, from: Option<MonoNs>) -> impl Serialize {
    Latency::<Phases<'static>> {
        from_mono_ns: from.map(|it| it.0),
        by: None,
        process: None,
        peer: None,
        cause: None,
        function: None,
        endings,
        reset: None,
        leaked: None,
        quantiles_within: None,
        phases_ns: None,
    }
}

fn numbers(spread: &Spread) -> Numbers {
    Numbers {
        count: spread.count(),
        mean: spread.mean(),
        p50: spread.quantile(0.5),
        p90: spread.quantile(0.9),
        p99: spread.quantile(0.99),
        p999: spread.quantile(0.999),
        max: spread.max(),
    }
}

/// Body of a `difference` line.
#[derive(Serialize)]
struct Compared<'a> {
    before: Text<&'a str>,
    after: Text<&'a str>,
    endings: Pair,
    reset_share: Change,
    leaked_share: Change,
    phases_ns: PhaseChanges<'a>,
}

#[derive(Serialize)]
struct Pair {
    before: u64,
    after: u64,
}

/// A number of both runs.
#[derive(Serialize)]
struct Change {
    before: f64,
    after: f64,
    #[serde(rename = "change")]
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
}

#[derive(Serialize)]
struct PhaseChange {
    count: Pair,
    mean: Change,
    p50: Change,
    p99: Change,
}

struct PhaseChanges<'a>(&'a [PhaseDifference]);

impl Serialize for PhaseChanges<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for it in self.0 {
            let body = PhaseChange {
                count: pair(it.counts),
                mean: change(&it.mean),
                p50: change(&it.p50),
                p99: change(&it.p99),
            };
            map.serialize_entry(it.phase.name(), &body)?;
        }
        map.end()
    }
}

/// Two runs, by their names, held against each other.
pub(in crate::render) fn difference<'a>(
    (before, after): (&'a str, &'a str),
    differences: &'a Differences,
) -> impl Serialize + use<'a> {
    Compared {
        before: Text(before),
        after: Text(after),
        endings: pair(differences.endings),
        reset_share: change(&differences.reset),
        leaked_share: change(&differences.leaked),
        phases_ns: PhaseChanges(&differences.phases),
    }
}

const fn pair((before, after): (u64, u64)) -> Pair {
    Pair { before, after }
}

fn change(difference: &Difference) -> Change {
    let change = difference.change;
    let of = |part: fn(&Estimate) -> f64| change.as_ref().map(part);
    Change {
        before: difference.before,
        after: difference.after,
        value: of(|it| it.value),
        low: of(|it| it.low),
        high: of(|it| it.high),
    }
}
