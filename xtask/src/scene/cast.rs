//! Hiring: a process of its own for each part of a scene. It knows no socket.
#![expect(unsafe_code, reason = "fork and _exit have no safe form")]

use std::{ffi::CString, fs, io, os::unix::net::UnixStream, time::Duration};

use nix::{
    sys::{
        prctl,
        signal::Signal,
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, Pid, Uid, fork, setuid},
};

/// Exit status of a part that could not do what it was meant to.
const FAILED: i32 = 70;

/// How long anybody in a scene waits for anything before the scene has failed. Where nothing is wrong
/// it matters on emulated machines alone: there a round trip may take a second, and with it every
/// timer of the kernel's takes long.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A process playing a part.
#[derive(Debug)]
pub(crate) struct Hired {
    /// Its pid.
    pub(crate) pid: Pid,
    /// The director's end of the line to it.
    pub(crate) line: UnixStream,
}

/// Forks a process called `name`, running as `uid` if one is given, that does `work` and exits.
///
/// # Errors
/// The process could not be made, or this process has threads a fork would lose.
pub(crate) fn hire(
    name: &str,
    uid: Option<u32>,
    work: impl FnOnce(UnixStream) -> io::Result<()>,
) -> io::Result<Hired> {
    // SAFETY: `hire_by` forks only where this process has exactly one thread, so that the child
    // inherits no lock held by another.
    hire_by(|| Ok(unsafe { fork() }?), name, uid, work)
}

/// Forks a process that gets the pid of one that is gone.
///
/// # Errors
/// As `hire`, or somebody has the pid.
pub(crate) fn hire_as(
    pid: Pid,
    name: &str,
    work: impl FnOnce(UnixStream) -> io::Result<()>,
) -> io::Result<Hired> {
    hire_by(|| fork_as(pid), name, None, work)
}

/// Forks by this means, and lets the child do its work.
fn hire_by(
    fork: impl FnOnce() -> io::Result<ForkResult>,
    name: &str,
    uid: Option<u32>,
    work: impl FnOnce(UnixStream) -> io::Result<()>,
) -> io::Result<Hired> {
    if fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other(
            "a process with threads cannot be forked safely",
        ));
    }
    let comm = CString::new(name)?;
    let (line, theirs) = UnixStream::pair()?;
    for end in [&line, &theirs] {
        end.set_read_timeout(Some(PATIENCE))?;
    }
    match fork()? {
        ForkResult::Parent { child } => Ok(Hired { pid: child, line }),
        ForkResult::Child => {
            drop(line);
            let done = uid
                .map_or(Ok(()), |uid| setuid(Uid::from_raw(uid)))
                .and_then(|()| prctl::set_pdeathsig(Signal::SIGKILL))
                .and_then(|()| prctl::set_name(&comm))
                .map_err(io::Error::from)
                .and_then(|()| work(theirs));
            if let Err(error) = &done {
                eprintln!("{name}: {error}");
            }
            leave(if done.is_ok() { 0 } else { FAILED })
        }
    }
}

/// `clone3(2)` with nothing but a pid of the caller's choice (`set_tid`, since 5.5): a fork.
fn fork_as(pid: Pid) -> io::Result<ForkResult> {
    let pids = [pid.as_raw()];
    // SAFETY: `clone_args` is plain integers, for which zero is a value.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.exit_signal = u64::from(libc::SIGCHLD.unsigned_abs());
    arguments.set_tid = u64::try_from(pids.as_ptr().addr()).map_err(io::Error::other)?;
    arguments.set_tid_size = 1;
    // SAFETY: the arguments are whole and outlive the call. No stack and no sharing is asked for, so
    // that this is `fork`, under the same condition: `hire_by` has seen that there is one thread.
    let child = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &raw const arguments,
            size_of_val(&arguments),
        )
    };
    match i32::try_from(child).map_err(io::Error::other)? {
        0 => Ok(ForkResult::Child),
        child if child > 0 => Ok(ForkResult::Parent {
            child: Pid::from_raw(child),
        }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Ends this process at once: no destructor runs and no socket is closed by hand.
pub(crate) fn leave(status: i32) -> ! {
    // SAFETY: `_exit` has no precondition; it flushes nothing and nothing here is buffered.
    unsafe { libc::_exit(status) }
}

/// Waits until a part is over.
///
/// # Errors
/// It could not do what it was meant to.
pub(crate) fn dismiss(pid: Pid) -> io::Result<()> {
    if waitpid(pid, None)? == WaitStatus::Exited(pid, FAILED) {
        return Err(io::Error::other(format!("part {pid} failed")));
    }
    Ok(())
}
