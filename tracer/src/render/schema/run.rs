//! The shapes of lines about the run itself: `start`, `lost`, `summary`.

use serde::{Serialize, Serializer};

use super::{Each, Text};
use crate::{
    model::foreign::Foreign,
    render::{Point as RunPoint, Start as RunStart},
    tally::{Captured, Clocks, Delay as RunDelay, Lost as RunLost, Tally},
};

/// Body of a `start` line.
#[derive(Serialize)]
pub(in crate::render) struct Start<'a> {
    version: &'a str,
    kernel: Option<&'a str>,
    transport: Option<&'a str>,
    points: Each<'a, RunPoint<'a>, Point<'a>>,
}

#[derive(Serialize)]
struct Point<'a> {
    name: &'a str,
    way: Option<&'a str>,
}

pub(in crate::render) fn start<'a>(start: &'a RunStart<'a>) -> Start<'a> {
    Start {
        version: start.version,
        kernel: start.kernel,
        transport: start.transport,
        points: Each {
            items: start.points,
            shape: |point| Point {
                name: point.name,
                way: point.way,
            },
        },
    }
}

/// One member per kind.
struct ByKind<I>(I);

impl<T: Serialize, I: Iterator<Item = (&'static str, T)> + Clone> Serialize for ByKind<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.clone())
    }
}

/// Body of a `lost` line.
#[derive(Serialize)]
struct Lost<K> {
    lost: u64,
    by_kind: K,
}

pub(in crate::render) fn lost(lost: &RunLost) -> impl Serialize {
    Lost {
        lost: lost.records.total(),
        by_kind: ByKind(lost.records.named()),
    }
}

/// Body of a `summary` line.
#[derive(Serialize)]
struct Summary<'a, K, U> {
    emitted: u64,
    received: u64,
    lost: u64,
    missed: Option<u64>,
    undecodable: u64,
    late: u64,
    early: u64,
    filtered: u64,
    capture: Option<Capture>,
    clock: Option<Clock>,
    unjoined_segments: Option<u64>,
    unjoined_by_reason: Option<U>,
    delays: Option<Each<'a, RunDelay, Delay<'a>>>,
    endings: u64,
    hurried: u64,
    evicted: u64,
    by_kind: K,
}

/// Delays between the kernel and one device.
#[derive(Serialize)]
struct Delay<'a> {
    netns: Option<u32>,
    device: Option<Text<&'a Foreign>>,
    direction: &'static str,
    segments: u64,
    contrary: u64,
    p50_ns: u64,
    p99_ns: u64,
    max_ns: u64,
}

fn delay(delay: &RunDelay) -> Delay<'_> {
    Delay {
        netns: delay.netns,
        device: delay.device.as_ref().map(Text),
        direction: if delay.sent { "tx" } else { "rx" },
        segments: delay.segments,
        contrary: delay.contrary,
        p50_ns: delay.p50_ns,
        p99_ns: delay.p99_ns,
        max_ns: delay.max_ns,
    }
}

/// What the capture says of its own work.
#[derive(Serialize)]
struct Capture {
    frames: u64,
    dropped: u64,
    unreadable: u64,
    untimed: u64,
    left_out: u64,
    syns_left_out: u64,
}

const fn capture(captured: Captured) -> Capture {
    Capture {
        frames: captured.frames,
        dropped: captured.dropped,
        unreadable: captured.unreadable,
        untimed: captured.untimed,
        left_out: captured.left_out,
        syns_left_out: captured.syns_left_out,
    }
}

/// What happened to the clocks.
#[derive(Serialize)]
struct Clock {
    steps: u64,
    largest_step_ns: i64,
    suspends: u64,
    suspended_ns: u64,
    error_p50_ns: u64,
    error_max_ns: u64,
}

const fn clock(clocks: Clocks) -> Clock {
    Clock {
        steps: clocks.steps,
        largest_step_ns: clocks.largest_step_ns,
        suspends: clocks.suspends,
        suspended_ns: clocks.suspended_ns,
        error_p50_ns: clocks.error_p50_ns,
        error_max_ns: clocks.error_max_ns,
    }
}

#[derive(Serialize)]
struct Account {
    emitted: u64,
    received: u64,
    lost: u64,
}

pub(in crate::render) fn summary(tally: &Tally) -> impl Serialize + use<'_> {
    Summary {
        emitted: tally.emitted.total(),
        received: tally.received_total(),
        lost: tally.lost.total(),
        missed: tally.missed,
        undecodable: tally.undecodable,
        late: tally.late,
        early: tally.early,
        filtered: tally.filtered,
        capture: tally.captured.map(capture),
        clock: tally.clocks.map(clock),
        unjoined_segments: tally.unjoined_segments.map(|it| it.total()),
        unjoined_by_reason: tally.unjoined_segments.map(|it| ByKind(it.named())),
        delays: tally.delays.as_ref().map(|delays| Each {
            items: delays,
            shape: delay,
        }),
        endings: tally.endings,
        hurried: tally.hurried,
        evicted: tally.evicted,
        by_kind: ByKind(accounts(tally)),
    }
}

fn accounts(tally: &Tally) -> impl Iterator<Item = (&'static str, Account)> + Clone {
    let counts = tally
        .emitted
        .named()
        .zip(tally.received.named())
        .zip(tally.lost.named());
    counts.map(|(((kind, emitted), (_, received)), (_, lost))| {
        let account = Account {
            emitted,
            received,
            lost,
        };
        (kind, account)
    })
}
