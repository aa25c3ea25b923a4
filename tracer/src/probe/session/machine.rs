//! What buffers are sized by.

use aya::util::online_cpus;

/// How many CPUs there are; one where nobody tells.
pub(super) fn cpus() -> u32 {
    online_cpus()
        .ok()
        .and_then(|cpus| u32::try_from(cpus.len()).ok())
        .unwrap_or(1)
}

/// The size of a page of memory.
#[expect(unsafe_code, reason = "a question to the C library")]
pub(super) fn page_bytes() -> u32 {
    // SAFETY: no pointers, no preconditions.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u32::try_from(bytes).unwrap_or(4096)
}
