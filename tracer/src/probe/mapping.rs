//! Memory shared with the kernel: mapped when made, unmapped when dropped.
#![expect(unsafe_code, reason = "mapping memory is a call of the C library")]

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
    ptr::NonNull,
};

/// A mapping of a descriptor's memory.
pub(super) struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the mapping belongs to this value alone, and nothing in it is bound to a thread.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps `bytes` from `offset` on with these `PROT_` rights, shared.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub(super) fn new(
        fd: BorrowedFd<'_>,
        offset: usize,
        bytes: usize,
        rights: libc::c_int,
    ) -> io::Result<Self> {
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        // SAFETY: a new mapping at an address the kernel chooses touches no memory of ours.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                rights,
                libc::MAP_SHARED,
                fd.as_raw_fd(),
                offset,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(address.cast()).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { start, bytes })
    }

    /// Where it begins, at the start of a page; valid as long as `self`.
    pub(super) const fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// What is behind the first `skipped` bytes. The kernel must not write there while it is looked
    /// at, but to what nobody reads yet.
    pub(super) const fn behind(&self, skipped: usize) -> &[u8] {
        let skipped = if skipped < self.bytes {
            skipped
        } else {
            self.bytes
        };
        // SAFETY: no further than the end of the mapping.
        let start = unsafe { self.start.add(skipped) };
        // SAFETY: the mapping is this long and lives as long as `self`.
        unsafe { std::slice::from_raw_parts(start.as_ptr(), self.bytes - skipped) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly the mapping made in `new`, which nothing else refers to any more.
        let unmapped = unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
        debug_assert_eq!(unmapped, 0, "the mapping is ours");
    }
}
