//! A close that is no call: the kernel performs it for a ring of requests (`IORING_OP_CLOSE`).
#![expect(
    unsafe_code,
    reason = "a request names descriptors the type system knows nothing of"
)]

use std::{io, os::fd::IntoRawFd as _};

use io_uring::{IoUring, opcode, types};

use super::{graceful, part::Part};

/// Closes the connection by a request to the kernel, or plainly where the kernel has no rings.
pub(crate) fn close_by_ring(part: &mut Part) -> io::Result<()> {
    let mut ring = match IoUring::new(2) {
        Ok(ring) => ring,
        Err(error) => {
            part.tell("skip", format_args!("io_uring: {error}"))?;
            return graceful::serve_and_close(part);
        }
    };
    let stream = part.accept()?;
    let request = opcode::Close::new(types::Fd(stream.into_raw_fd())).build();
    // SAFETY: a close refers to no memory.
    unsafe { ring.submission().push(&request) }.map_err(io::Error::other)?;
    ring.submit_and_wait(1)?;
    let done = ring.completion().next().ok_or(io::ErrorKind::NotFound)?;
    match done.result() {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(-error)),
    }
}
