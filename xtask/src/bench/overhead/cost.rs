//! What a connection costs beside a way, by who pays.

use std::{fs, thread, time::Duration};

use serde::Serialize;

use super::{Stage, watcher::Watcher, way::Way};
use crate::bench::{churn::Manner, statistics};

/// Nanoseconds a connection of two sockets took, in tenths, and what the watcher left.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Cost {
    /// In the thread that connects and closes, hooks and softirqs included.
    pub(super) connection: u64,
    /// On all processors, by the ticks of `/proc/stat`.
    pub(super) machine: u64,
    /// In all tasks, by the root of the control groups; zero where there are none.
    pub(super) tasks: u64,
    /// In the watcher's threads.
    pub(super) watcher: u64,
    /// In its programs by the kernel's count, in a run of its own; that counts its own looks at the
    /// clock, some 50 ns a run.
    pub(super) programs: u64,
    /// Runs of its programs, in tenths.
    pub(super) runs: u64,
    /// Bytes it printed, in tenths.
    pub(super) printed: u64,
    /// Milliseconds from its start until it saw connections, in tenths.
    pub(super) started_ms: u64,
    /// Events it says it did not see, of both manners.
    pub(super) lost: u64,
    /// The most memory it had, of both manners, KiB.
    pub(super) resident_kib: u64,
}

/// One turn of one way: connections that end by FINs, and such that end by an RST.
pub(super) fn of(stage: &Stage<'_>, way: &Way) -> anyhow::Result<[Cost; 2]> {
    let start = |program| Watcher::start(stage.finrst, program, stage.directory, stage.churn);
    let watcher = way.program.map(start).transpose()?;
    let mut costs = [Cost::default(), Cost::default()];
    for (manner, cost) in [Manner::Fin, Manner::Reset].into_iter().zip(&mut costs) {
        *cost = one(stage, watcher.as_ref(), manner)?;
    }
    if let Some(watcher) = watcher {
        let started = watcher.started;
        let left = watcher.stop()?;
        for cost in &mut costs {
            cost.started_ms = u64::try_from(started.as_micros() / 100)?;
            (cost.lost, cost.resident_kib) = (left.lost, left.resident_kib);
        }
    }
    Ok(costs)
}

fn one(stage: &Stage<'_>, watcher: Option<&Watcher>, manner: Manner) -> anyhow::Result<Cost> {
    let count = stage.options.connections;
    // As many before: what grows in a watcher that has just begun has grown then.
    stage.churn.connections(count, manner)?;
    let used = || watcher.map_or(Ok(0), Watcher::run_ns);
    let printed = || watcher.map_or(Ok(0), Watcher::printed);
    let before = (busy_ns()?, used()?, printed()?, tasks_ns());
    let connection = stage.churn.connections(count, manner)?;
    // What is on its way is still its doing.
    thread::sleep(Duration::from_millis(200));
    let after = (busy_ns()?, used()?, printed()?, tasks_ns());
    let mut cost = Cost {
        connection: connection * 10 / count,
        machine: after.0.saturating_sub(before.0) * 10 / count,
        tasks: after.3.saturating_sub(before.3) * 10 / count,
        watcher: (after.1 - before.1) * 10 / count,
        printed: after.2.saturating_sub(before.2) * 10 / count,
        ..Cost::default()
    };
    if let Some(watcher) = watcher {
        let (programs, _ns) =
            statistics::during(watcher.pid(), || stage.churn.connections(count, manner))?;
        let sum = |number: fn(&statistics::Ran) -> u64| programs.iter().map(number).sum::<u64>();
        cost.programs = sum(|it| it.ns) * 10 / count;
        cost.runs = sum(|it| it.runs) * 10 / count;
    }
    Ok(cost)
}

/// Nanoseconds all processors were at work since boot (`proc(5)`), ticks of a hundredth of a second.
pub(super) fn busy_ns() -> anyhow::Result<u64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let numbers = stat.lines().next().unwrap_or_default().split_whitespace();
    let numbers = numbers.skip(1).filter_map(|it| it.parse::<u64>().ok());
    // user, nice, system, idle, iowait, irq, softirq.
    let at_work = numbers.take(7).enumerate();
    let at_work = at_work.filter(|(place, _)| !matches!(place, 3 | 4));
    Ok(at_work.map(|(_, ticks)| ticks).sum::<u64>() * 10_000_000)
}

/// Nanoseconds all tasks ran since boot, by the root of the control groups: `cpuacct.usage` of version 1,
/// else `cpu.stat` of version 2 (cgroups(7)).
fn tasks_ns() -> u64 {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let unified = || {
        let stat = read("/sys/fs/cgroup/cpu.stat");
        let usage = stat.lines().find_map(|it| it.strip_prefix("usage_usec "));
        usage.and_then(number).map(|it| it * 1_000)
    };
    number(&read("/sys/fs/cgroup/cpuacct/cpuacct.usage"))
        .or_else(unified)
        .unwrap_or(0)
}
