//! What buffers are sized by.

use std::io;

use aya::util::{nr_cpus, online_cpus};

use super::SessionError;

/// The numbers of the CPUs there are.
///
/// # Errors
///
/// The kernel's list cannot be read.
pub(super) fn cpus() -> Result<Vec<u32>, SessionError> {
    online_cpus().map_err(unread)
}

/// How many CPUs there may ever be.
///
/// # Errors
///
/// The kernel's list cannot be read.
pub(super) fn possible_cpus() -> Result<u32, SessionError> {
    let count = nr_cpus().map_err(unread)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

fn unread((path, error): (&str, io::Error)) -> SessionError {
    SessionError::Buffers {
        transport: "per-CPU",
        source: io::Error::new(error.kind(), format!("{path}: {error}")),
    }
}

/// The size of a page of memory.
#[expect(unsafe_code, reason = "a question to the C library")]
pub(super) fn page_bytes() -> u32 {
    // SAFETY: no pointers, no preconditions.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u32::try_from(bytes).unwrap_or(4096)
}
