//! How a server that was started for a test is ended.

use std::{process::Child, thread, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::clock::Deadline;

/// How long it may take to end when it is asked to.
const GOODBYE: Duration = Duration::from_secs(2);

/// Asks it to end, and kills it where that does not help: a server that is killed at once leaves the
/// processes it has made behind.
pub(super) fn end(server: &mut Child) {
    // One that has ended may have left its number to another.
    if matches!(server.try_wait(), Ok(None)) {
        let _asked = kill(Pid::from_raw(server.id().cast_signed()), Signal::SIGTERM);
    }
    let deadline = Deadline::after(GOODBYE);
    while matches!(server.try_wait(), Ok(None)) && !deadline.left().is_zero() {
        thread::sleep(Duration::from_millis(10));
    }
    let _killed = server.kill();
    let _reaped = server.wait();
}
