//! Memory that only the start needed.
#![expect(unsafe_code, reason = "the C library is asked")]

/// Gives back to the kernel what was freed: the allocator keeps it for each thread that asked, also
/// for those that are gone.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no pointers; zero keeps no room at the top.
    let _ = unsafe { libc::malloc_trim(0) };
}
