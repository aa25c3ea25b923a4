//! Who runs on which processor, and for how long.

use nix::{
    sched::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
    unistd::Pid,
};

/// Keeps this thread on the first processor.
///
/// # Errors
/// It may not run there.
pub(super) fn stay() -> anyhow::Result<()> {
    let mut one = CpuSet::new();
    one.set(0)?;
    sched_setaffinity(Pid::from_raw(0), &one)?;
    Ok(())
}

/// Nanoseconds this thread ran.
///
/// # Errors
/// The kernel does not say.
pub(super) fn thread_ns() -> anyhow::Result<u64> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    let (seconds, ns) = (
        time.tv_sec().cast_unsigned(),
        time.tv_nsec().cast_unsigned(),
    );
    Ok(seconds * 1_000_000_000 + ns)
}

/// Keeps a process off the first processor, where there is another.
///
/// # Errors
/// It has ended.
pub(super) fn leave_alone(pid: Pid) -> anyhow::Result<()> {
    let all = processors()?;
    if all < 2 {
        return Ok(());
    }
    let mut others = CpuSet::new();
    for processor in 1..all.min(CpuSet::count()) {
        others.set(processor)?;
    }
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let thread = thread?.file_name();
        let thread = thread.to_string_lossy().parse()?;
        sched_setaffinity(Pid::from_raw(thread), &others)?;
    }
    Ok(())
}

/// Lets all threads of a process run everywhere; the calling thread for pid zero.
///
/// # Errors
/// It has ended.
pub(super) fn go_anywhere(pid: Pid) -> anyhow::Result<()> {
    let mut all = CpuSet::new();
    for processor in 0..processors()?.min(CpuSet::count()) {
        all.set(processor)?;
    }
    if pid.as_raw() == 0 {
        sched_setaffinity(pid, &all)?;
        return Ok(());
    }
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let thread = thread?.file_name();
        let thread = thread.to_string_lossy().parse()?;
        sched_setaffinity(Pid::from_raw(thread), &all)?;
    }
    Ok(())
}

/// Processors of the machine, whichever this process may use.
fn processors() -> anyhow::Result<usize> {
    let text = std::fs::read_to_string("/proc/cpuinfo")?;
    Ok(text
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count())
}
