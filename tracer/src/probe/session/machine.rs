//! What buffers are sized by.

use aya::util::online_cpus;

/// The numbers of the CPUs there are; the first alone where nobody tells.
pub(super) fn cpus() -> Vec<u32> {
    online_cpus().unwrap_or_else(|_| vec![0])
}

/// The size of a page of memory.
#[expect(unsafe_code, reason = "a question to the C library")]
pub(super) fn page_bytes() -> u32 {
    // SAFETY: no pointers, no preconditions.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u32::try_from(bytes).unwrap_or(4096)
}
