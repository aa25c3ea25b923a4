//! The kernel's own count of how long BPF programs run.
#![expect(
    unsafe_code,
    reason = "counting is switched on, and names are asked for, by a system call libc has no name for"
)]

use std::{
    fs, io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, ensure};
use nix::unistd::Pid;

/// `BPF_PROG_GET_FD_BY_ID` of `enum bpf_cmd`.
const PROGRAM_BY_ID: libc::c_long = 13;
/// `BPF_OBJ_GET_INFO_BY_FD` of `enum bpf_cmd`.
const INFO_BY_FD: libc::c_long = 15;
/// `BPF_ENABLE_STATS` of `enum bpf_cmd`; counting ends with the descriptor it gives.
const ENABLE_STATS: libc::c_long = 32;
/// Where `name` is in `struct bpf_prog_info`, and where it ends.
const NAME: std::ops::Range<usize> = 64..80;

/// How much one program of a process ran.
#[derive(Clone, Debug)]
pub(super) struct Ran {
    id: u32,
    /// In how many nanoseconds, the kernel's two looks at the clock for each run included.
    pub(super) ns: u64,
    /// How often.
    pub(super) runs: u64,
}

/// How much each program of a process ran while something was done, and what came of that.
///
/// # Errors
/// The kernel does not count, or what was done failed.
pub(super) fn during<T>(
    pid: Pid,
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<(Vec<Ran>, T)> {
    let counting = enable()?;
    let before = programs(pid)?;
    let done = work()?;
    let mut after = programs(pid)?;
    drop(counting);
    for program in &mut after {
        if let Some(earlier) = before.iter().find(|it| it.id == program.id) {
            program.ns -= earlier.ns;
            program.runs -= earlier.runs;
        }
    }
    Ok((after, done))
}

impl Ran {
    /// What the program is called, of which the kernel keeps fifteen letters.
    ///
    /// # Errors
    /// It is not loaded any more.
    pub(super) fn name(&self) -> anyhow::Result<String> {
        // `prog_id`, `next_id` and `open_flags` of `union bpf_attr`.
        let attributes = [self.id, 0, 0];
        let program = ask(PROGRAM_BY_ID, &attributes).context("a program is gone")?;
        // SAFETY: the kernel just made this descriptor for us.
        let program = unsafe { OwnedFd::from_raw_fd(program) };
        let mut info = [0_u8; NAME.end];
        let address = u64::try_from(info.as_mut_ptr().expose_provenance())?;
        // `bpf_fd`, `info_len` and `info`, which has 64 bits.
        let attributes = [
            program.as_raw_fd().cast_unsigned(),
            u32::try_from(info.len())?,
            u32::try_from(address & u64::from(u32::MAX))?,
            u32::try_from(address >> 32)?,
        ];
        ask(INFO_BY_FD, &attributes)?;
        let name = info.get(NAME).unwrap_or_default();
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        Ok(String::from_utf8_lossy(name).into_owned())
    }
}

fn enable() -> anyhow::Result<OwnedFd> {
    // `type` of `union bpf_attr`: zero for run time.
    let fd = ask(ENABLE_STATS, &[0])?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Calls bpf(2) with the words an attribute begins with.
fn ask(command: libc::c_long, attributes: &[u32]) -> anyhow::Result<i32> {
    let size = size_of_val(attributes);
    // SAFETY: the kernel reads `size` bytes of `attributes`, which has that many, and writes nowhere
    // but where these say.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_ptr(), size) };
    let answer = i32::try_from(answer)?;
    ensure!(answer >= 0, io::Error::last_os_error());
    Ok(answer)
}

/// The programs a process has descriptors of.
fn programs(pid: Pid) -> anyhow::Result<Vec<Ran>> {
    let mut found: Vec<Ran> = Vec::new();
    let directory = format!("/proc/{pid}/fdinfo");
    for entry in fs::read_dir(&directory).with_context(|| format!("no {directory}"))? {
        let Ok(text) = fs::read_to_string(entry?.path()) else {
            continue;
        };
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim_start_matches(':').trim().parse().ok())
        };
        let id = field("prog_id").and_then(|id| u32::try_from(id).ok());
        if let (Some(id), Some(ns), Some(runs)) = (id, field("run_time_ns"), field("run_cnt"))
            && found.iter().all(|it| it.id != id)
        {
            found.push(Ran { id, ns, runs });
        }
    }
    Ok(found)
}
