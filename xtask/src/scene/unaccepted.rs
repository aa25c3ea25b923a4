//! A connection its peer gives up before anybody has accepted it.

use std::{io, time::Duration};

use super::{
    part::Part,
    socket,
    truth::{Expected, Known, Truth},
};

/// Listens, accepts nobody, and stays until the client has given up.
pub(crate) fn accept_nobody(part: &mut Part) -> io::Result<()> {
    part.wait()?;
    Part::hold_still();
    Ok(())
}

/// Resets before anybody has accepted.
pub(crate) fn reset_unaccepted(part: &mut Part) -> io::Result<()> {
    let stream = part.reach()?;
    socket::linger(&stream, Duration::ZERO)?;
    drop(stream);
    part.cue()
}

/// The peer reset what waits at the only listener of its port.
///
/// Guests of Linux 5.10 short of CPU have shown it without an owner, never with a wrong one.
pub(crate) fn expected(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.began(&["rst_sent/linger_zero"]).because("TCP_STATE"),
        |server| {
            let server = server.followed(&["rst_received/peer_reset"]);
            server.known(Known::Perhaps)
        },
    )
}
