//! The kernel's own count of how long BPF programs run.
#![expect(
    unsafe_code,
    reason = "counting is switched on by a system call libc has no name for"
)]

use std::{
    fs, io,
    os::fd::{FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, ensure};
use nix::unistd::Pid;

use super::load::Batch;

/// `BPF_ENABLE_STATS` of `enum bpf_cmd`; counting ends with the descriptor it gives.
const ENABLE_STATS: libc::c_long = 32;

/// One program of a process, by its descriptor.
#[derive(Clone, Copy)]
struct Program {
    id: u64,
    ns: u64,
    runs: u64,
}

/// Tenths of nanoseconds a packet spent in the programs that ran for every one.
///
/// # Errors
/// The kernel does not count, or no program ran for every packet.
pub(super) fn per_packet(
    pid: Option<Pid>,
    packets: impl FnOnce() -> anyhow::Result<Batch>,
) -> anyhow::Result<u64> {
    let pid = pid.context("nothing runs")?;
    let counting = enable()?;
    let before = programs(pid)?;
    let batch = packets()?;
    let after = programs(pid)?;
    drop(counting);
    let mut sum = 0;
    for program in after {
        let earlier = before.iter().find(|it| it.id == program.id);
        let (ns, runs) = earlier.map_or((0, 0), |it| (it.ns, it.runs));
        if program.runs - runs >= batch.packets {
            sum += (program.ns - ns) * 10 / (program.runs - runs);
        }
    }
    ensure!(sum > 0, "no program ran for every packet");
    Ok(sum)
}

fn enable() -> anyhow::Result<OwnedFd> {
    // `type` of `union bpf_attr`: zero for run time.
    let attributes = [0_u32; 1];
    let size = size_of_val(&attributes);
    // SAFETY: the kernel reads `size` bytes of `attributes`, which has that many.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, ENABLE_STATS, &raw const attributes, size) };
    let fd = i32::try_from(fd)?;
    ensure!(fd >= 0, io::Error::last_os_error());
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The programs a process has descriptors of.
fn programs(pid: Pid) -> anyhow::Result<Vec<Program>> {
    let mut found: Vec<Program> = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        let Ok(text) = fs::read_to_string(entry?.path()) else {
            continue;
        };
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim_start_matches(':').trim().parse().ok())
        };
        if let (Some(id), Some(ns), Some(runs)) =
            (field("prog_id"), field("run_time_ns"), field("run_cnt"))
            && found.iter().all(|it| it.id != id)
        {
            found.push(Program { id, ns, runs });
        }
    }
    Ok(found)
}
