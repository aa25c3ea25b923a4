//! A network namespace of a scene's own, with its loopback device up.
#![expect(unsafe_code, reason = "an interface's flags are set by ioctl")]

use std::{
    fs, io,
    os::{fd::AsRawFd as _, unix::fs::MetadataExt as _},
    thread,
};

use anyhow::Context as _;
use nix::sched::{CloneFlags, setns, unshare};
use socket2::{Domain, Socket, Type};

use crate::mounts;

/// Leaves this process's network namespace for a new one.
///
/// # Errors
/// The caller lacks `CAP_SYS_ADMIN`, or the loopback device could not be brought up.
pub(crate) fn enter_new() -> anyhow::Result<()> {
    unshare(CloneFlags::CLONE_NEWNET).context("no network namespace could be made")?;
    bring_loopback_up().context("the loopback device could not be brought up")
}

/// Lets every processor receive what any of them sends over loopback (RPS), in this namespace alone.
///
/// # Errors
/// The caller lacks `CAP_SYS_ADMIN`, or the kernel cannot do it.
pub(crate) fn spread_receiving() -> io::Result<()> {
    mounts::own_view()?;
    // The devices a sysfs shows are those of the namespace it was mounted in.
    mounts::virtual_at("sysfs", "/sys")?;
    let processors = thread::available_parallelism()?.get().min(31);
    let mask = (1_u32 << processors) - 1;
    fs::write(
        "/sys/class/net/lo/queues/rx-0/rps_cpus",
        format!("{mask:x}"),
    )
}

/// The inode number of the network namespace this thread is in.
///
/// # Errors
/// There is no `/proc`.
pub(crate) fn inode() -> io::Result<u32> {
    let inode = fs::metadata("/proc/thread-self/ns/net")?.ino();
    u32::try_from(inode).map_err(io::Error::other)
}

/// Enters the network namespace of another process.
///
/// # Errors
/// The process is gone, or the caller lacks `CAP_SYS_ADMIN`.
pub(crate) fn enter(pid: u32) -> io::Result<()> {
    let of = fs::File::open(format!("/proc/{pid}/ns/net"))?;
    Ok(setns(of, CloneFlags::CLONE_NEWNET)?)
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
