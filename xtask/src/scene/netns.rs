//! A network namespace of a scene's own, with its loopback device up.
#![expect(unsafe_code, reason = "an interface's flags are set by ioctl")]

use std::{io, os::fd::AsRawFd as _};

use anyhow::Context as _;
use nix::sched::{CloneFlags, unshare};
use socket2::{Domain, Socket, Type};

/// Leaves this process's network namespace for a new one.
///
/// # Errors
/// The caller lacks `CAP_SYS_ADMIN`, or the loopback device could not be brought up.
pub(crate) fn enter_new() -> anyhow::Result<()> {
    unshare(CloneFlags::CLONE_NEWNET).context("no network namespace could be made")?;
    bring_loopback_up().context("the loopback device could not be brought up")
}

/// Sets `IFF_UP` on `lo`, as `ip link set lo up` does.
fn bring_loopback_up() -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    // SAFETY: `ifreq` is plain integers and byte arrays, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, &byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *slot = byte.cast_signed();
    }
    let up = libc::IFF_UP | libc::IFF_RUNNING;
    request.ifr_ifru.ifru_flags = i16::try_from(up).map_err(io::Error::other)?;
    // SAFETY: SIOCSIFFLAGS reads the name and the flags of one `ifreq`, both set above.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
