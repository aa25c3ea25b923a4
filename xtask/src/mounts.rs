//! What is mounted, in a view of the calling thread's own: nothing of it is left on the machine.

use anyhow::Context as _;
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};

const NONE: Option<&str> = None;

/// Where the kernel's tracepoints are described.
const TRACEFS: &str = "/sys/kernel/tracing";

/// Takes a view of its own of what is mounted, for this thread and what it starts.
///
/// # Errors
/// The caller lacks `CAP_SYS_ADMIN`.
pub(crate) fn own_view() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)
}

/// Mounts a file system that needs no device.
///
/// # Errors
/// The caller lacks `CAP_SYS_ADMIN`, or the kernel has no such file system.
pub(crate) fn virtual_at(kind: &str, place: &str) -> nix::Result<()> {
    mount(Some(kind), place, Some(kind), MsFlags::empty(), NONE)
}

/// Shows this thread, and what it starts, the descriptions of tracepoints: bpftrace reads them there, and
/// a fresh machine may have them nowhere.
///
/// # Errors
/// See [`own_view`] and [`virtual_at`].
pub(crate) fn with_tracepoints() -> anyhow::Result<()> {
    own_view()
        .and_then(|()| virtual_at("tracefs", TRACEFS))
        .context("tracefs could not be mounted in a view of its own")
}
