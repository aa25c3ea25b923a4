//! System calls: those a run goes on to make stay, all others fail with `EPERM`.
//!
//! A call that fails is in the kernel's log (audit type 1326), so that one forgotten here can be found;
//! it never kills the run.
#![expect(
    unsafe_code,
    reason = "a filter for all threads that is logged is installed by a system call"
)]

use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use super::Needs;

mod allowed;

use allowed::{Allowed, allowed};

/// A filter that cannot be made or installed: the run goes on without it.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// There are no filters for this processor.
    #[error("no filter of system calls can be made")]
    Filter(#[from] seccompiler::BackendError),
    /// The kernel refuses it.
    #[error("the kernel takes no filter of system calls")]
    Install(#[from] io::Error),
}

/// Forbids every thread of the process what nothing needs any more, and all threads ever to gain
/// privileges. There is no way back.
///
/// # Errors
///
/// The kernel, or the processor, has no such filters.
pub fn forbid_calls(needs: Needs) -> Result<(), ConfineError> {
    let filters = filters(needs)?;
    nix::sys::prctl::set_no_new_privs().map_err(io::Error::from)?;
    for (program, logged) in filters {
        install(&program, logged, true)?;
    }
    Ok(())
}

/// The filters, and whether what they refuse is logged.
fn filters(needs: Needs) -> Result<[(BpfProgram, bool); 2], ConfineError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    // What it creates is in memory, where no filter sees it: with ENOSYS the C library takes `clone`.
    let hidden = SeccompFilter::new(
        [
            (libc::SYS_clone3, Vec::new()),
            (libc::SYS_openat2, Vec::new()),
        ]
        .into(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
        architecture,
    )?;
    let mut rules = std::collections::BTreeMap::new();
    for (call, how) in allowed(needs) {
        let rule: &mut Vec<SeccompRule> = rules.entry(call).or_default();
        for condition in conditions(&how)? {
            rule.push(SeccompRule::new(vec![condition])?);
        }
    }
    let known = SeccompFilter::new(
        rules,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        SeccompAction::Allow,
        architecture,
    )?;
    Ok([(hidden.try_into()?, false), (known.try_into()?, true)])
}

/// The conditions of which one must hold; none where the call may always be made.
fn conditions(how: &Allowed) -> Result<Vec<SeccompCondition>, ConfineError> {
    let condition = |argument, operator, value| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
    };
    let conditions: Result<Vec<_>, _> = match how {
        Allowed::Always => Ok(Vec::new()),
        Allowed::OneOf(argument, values) => values
            .iter()
            .map(|&value| condition(*argument, SeccompCmpOp::Eq, value))
            .collect(),
        Allowed::Masked(argument, mask, value) => {
            condition(*argument, SeccompCmpOp::MaskedEq(*mask), *value).map(|it| vec![it])
        }
    };
    Ok(conditions?)
}

/// Installs a filter, for all threads or for this one alone.
fn install(program: &[seccompiler::sock_filter], logged: bool, all: bool) -> io::Result<()> {
    /// `struct sock_fprog`, `include/uapi/linux/filter.h`.
    #[repr(C)]
    struct Program {
        length: u16,
        filter: *const seccompiler::sock_filter,
    }
    let given = Program {
        length: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_ptr(),
    };
    let log = if logged {
        libc::SECCOMP_FILTER_FLAG_LOG
    } else {
        0
    };
    let sync = if all {
        libc::SECCOMP_FILTER_FLAG_TSYNC
    } else {
        0
    };
    // SAFETY: the kernel reads the structure and as many instructions as it says, and both outlive the call.
    let refused = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            log | sync,
            &raw const given,
        )
    };
    match refused {
        0 => Ok(()),
        -1 => Err(io::Error::last_os_error()),
        thread => Err(io::Error::other(format!(
            "thread {thread} has a filter of its own"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, OpenOptions},
        net::TcpStream,
        process::Command,
        thread,
    };

    use super::*;

    /// What a thread can do that is confined, alone.
    fn confined<T: Send + 'static>(needs: Needs, does: impl FnOnce() -> T + Send + 'static) -> T {
        let thread = thread::spawn(move || {
            nix::sys::prctl::set_no_new_privs().unwrap();
            for (program, _) in filters(needs).unwrap() {
                install(&program, false, false).unwrap();
            }
            does()
        });
        thread.join().unwrap()
    }

    fn refused<T>(result: io::Result<T>) -> bool {
        result.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    }

    #[test]
    fn files_are_read_and_none_is_opened_for_writing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "before").unwrap();
        let (read, written, made) = confined(Needs::default(), move || {
            let written = OpenOptions::new().append(true).open(&path);
            let made = fs::create_dir(path.with_extension("d"));
            (fs::read_to_string(&path), refused(written), refused(made))
        });
        assert_eq!(read.unwrap(), "before");
        assert!(written && made);
    }

    #[test]
    fn a_run_that_saves_files_may_write_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("made/file");
        let needs = Needs {
            files: true,
            ..Needs::default()
        };
        confined(needs, move || {
            fs::create_dir(path.parent().unwrap())?;
            fs::write(&path, "new")?;
            fs::File::open(&path)?.sync_all()
        })
        .unwrap();
    }

    #[test]
    fn nothing_is_executed_and_nobody_is_called() {
        let (executed, called) = confined(Needs::default(), || {
            let executed = Command::new("/bin/true").status();
            (
                refused(executed),
                refused(TcpStream::connect("127.0.0.1:1")),
            )
        });
        assert!(executed && called);
    }

    #[test]
    fn threads_can_be_made() {
        let made = confined(Needs::default(), || thread::spawn(|| 7).join().unwrap());
        assert_eq!(made, 7);
    }
}
