//! What a program used, by the kernel's account.
#![expect(unsafe_code, reason = "the C library is asked what a child used")]

use std::{fs, process::Child, thread, time::Duration};

/// How often its memory is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// What a program used.
pub(crate) struct Used {
    /// Processor time in seconds.
    pub(crate) cpu_s: f64,
    /// The most memory it had, in KiB, at the last look. What the kernel counts itself begins with what
    /// the parent had when it forked (`exec_mmap`, `fs/exec.c`).
    pub(crate) memory_kib: i64,
    /// Its exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
}

impl Used {
    /// Waits for a child's end.
    ///
    /// # Errors
    /// Somebody else waited for it.
    pub(crate) fn by(child: &Child) -> std::io::Result<Self> {
        let pid = child.id().cast_signed();
        let mut status = 0;
        // SAFETY: a structure of numbers, for which zeros are numbers.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        let mut memory_kib = 0;
        loop {
            memory_kib = most_kib(pid).unwrap_or(memory_kib);
            // SAFETY: both are ours and outlive the call; nobody else waits for this child.
            match unsafe { libc::wait4(pid, &raw mut status, libc::WNOHANG, &raw mut usage) } {
                0 => thread::sleep(LOOK),
                waited if waited == pid => break,
                _ => return Err(std::io::Error::last_os_error()),
            }
        }
        let seconds = |time: libc::timeval| {
            Duration::from_secs(time.tv_sec.unsigned_abs()).as_secs_f64()
                + Duration::from_micros(time.tv_usec.unsigned_abs()).as_secs_f64()
        };
        Ok(Self {
            cpu_s: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            memory_kib,
            code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
        })
    }
}

/// The most memory a process had so far; `None` when it has ended.
fn most_kib(pid: libc::pid_t) -> Option<i64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    most?.trim().strip_suffix(" kB")?.parse().ok()
}
