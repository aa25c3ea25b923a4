//! Connections that end in bursts.

use std::{thread, time::Duration};

use crate::{lab::played, scene::storm::Storm};

/// Bursts of connections, so that there is a while between the first and the last.
const BURSTS: u32 = 8;

/// Connections of all manners, over some seconds: in bursts that take so long that their processes are
/// still there when their stacks are looked at.
pub(super) fn play() -> anyhow::Result<()> {
    let arguments = [
        "--connections",
        "240",
        "--mix",
        "graceful,reset,unread,late",
    ];
    for _ in 0..BURSTS {
        let _storm: Storm = played::play("storm", &arguments)?;
        thread::sleep(Duration::from_millis(300));
    }
    Ok(())
}
