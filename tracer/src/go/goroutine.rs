//! Where a thread of Go keeps which goroutine runs on it.

use super::{GoError, Version};

/// Offsets by which the running goroutine is found in a thread's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Of the pointer to the running `g`, from the thread pointer (on x86-64 the base of `fs`).
    pub tls: i32,
    /// Of `g.goid`.
    pub goid: u32,
    /// Of `g.m`.
    pub m: u32,
    /// Of `m.curg`, the goroutine a thread runs for while it is on a stack of its own.
    pub curg: u32,
}

/// The offsets of a version, as `runtime/runtime2.go` declares them on machines of 64 bits.
pub(super) fn layout(version: Version, tls: i32) -> Result<Layout, GoError> {
    // goid moved back with stackguard's neighbours in 1.23 (`syscallbp`) and forth in 1.25, when
    // `gobuf` lost `ret`; that moved curg, too, which comes after a `gobuf`.
    let (goid, curg) = match version.minor {
        17..=22 => (152, 192),
        23 | 24 => (160, 192),
        25..=27 => (152, 184),
        _ => {
            return Err(GoError::Layout {
                what: "the offsets of this version are unknown",
            });
        }
    };
    Ok(Layout {
        tls,
        goid,
        m: 48,
        curg,
    })
}
