//! Giving up what a live run needs no more, on every thread there is.

use std::sync::mpsc;

use super::{job::Job, output};
use crate::{
    cli::Wire,
    confine::{Needs, forbid_calls, keep_capabilities},
    probe::system::{CHECKPOINT_RESTORE, SystemFacts},
};

/// What a run goes on to need once its hooks are attached and its command runs.
pub(super) fn needs(job: &Job<'_>, facts: &SystemFacts) -> Needs {
    Needs {
        namespaces: job.wiring.wire != Wire::Off,
        hooks: job.go_callers || job.wiring.wire == Wire::Tcx,
        files: job.catch.is_some(),
        command: !job.command.is_empty(),
        old_kernel: is_old(facts),
    }
}

/// Whether capabilities are missing that later kernels have.
pub(super) fn is_old(facts: &SystemFacts) -> bool {
    let last = facts.last_capability;
    last.is_some_and(|last| last < CHECKPOINT_RESTORE)
}

/// Gives up everything else, on this thread, the runtime's own, and whatever these make from now on;
/// to be called within a runtime of one worker. What cannot be given up is said, and no reason to stop.
pub(super) fn confine(needs: Needs, quiet: bool) {
    let kept = keep_capabilities(needs).and_then(|()| {
        let (tell, told) = mpsc::sync_channel(1);
        // Tasks run on the worker; this thread is none.
        tokio::spawn(async move {
            let _ = tell.send(keep_capabilities(needs));
        });
        told.recv().unwrap_or(Ok(()))
    });
    if let (Err(error), false) = (kept, quiet) {
        output::say(format_args!(
            "finrst: privileges nothing needs any more are kept: {error}"
        ));
    }
    if let (Err(error), false) = (forbid_calls(needs), quiet) {
        output::say(format_args!("finrst: running unconfined: {error}"));
    }
}
