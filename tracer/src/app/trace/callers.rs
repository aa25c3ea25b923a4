//! Hooking the executables of Go that are running.

use crate::{
    app::{
        goroutines::{Change, Watch},
        output,
    },
    probe::session::Session,
};

/// Hooks what began to run, and lets go of what ended; says what cannot be hooked.
pub(super) fn follow(session: &mut Session, found: &Watch, quiet: bool) {
    for change in found.changes() {
        match change {
            Change::Hook(place) => {
                if let (Err(error), false) = (session.hook_callers(&place), quiet) {
                    let (device, inode) = place.executable;
                    output::say(format_args!(
                        "finrst: who closes is not told of the executable with inode {inode} on \
                         device {device}: {error}"
                    ));
                }
            }
            Change::Unhook(executable) => session.unhook_callers(executable),
        }
    }
}
