//! Ctrl-C during the demonstration: finrst is interrupted too, drains and ends; so do we.
#![expect(unsafe_code, reason = "a signal handler has no safe form")]

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Whether SIGINT came.
static HAPPENED: AtomicBool = AtomicBool::new(false);

/// Notes the signal; everything else is done outside the handler.
extern "C" fn note(_: i32) {
    HAPPENED.store(true, Ordering::Relaxed);
}

/// Notes SIGINT from now on instead of dying of it. Programs started later are not affected.
///
/// # Errors
/// The handler could not be set.
pub(super) fn catch() -> nix::Result<()> {
    let handler = SigHandler::Handler(note);
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler only stores to an atomic, which a signal handler may do.
    unsafe { sigaction(Signal::SIGINT, &action) }.map(drop)
}

/// Whether SIGINT came.
pub(super) fn happened() -> bool {
    HAPPENED.load(Ordering::Relaxed)
}
