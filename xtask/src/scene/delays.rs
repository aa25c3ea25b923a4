//! Closes that have to wait: for an acknowledgement, or for room.

use std::{
    io::{self, Read as _, Write as _},
    thread,
    time::Duration,
};

use super::{
    arrival::{self, FIN_WAIT1},
    options,
    part::Part,
    silence, socket,
    truth::{Expected, Truth},
};

/// Hears nothing for a while after the client began to close.
pub(crate) fn go_deaf_for_a_while(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    socket::deafen(&stream)?;
    part.cue()?;
    arrival::await_state(stream.peer_addr()?, part.address, Some(FIN_WAIT1))?;
    thread::sleep(Duration::from_millis(100));
    socket::hear(&stream)?;
    socket::read_to_end(&stream)
}

/// Closes with `SO_LINGER` {1, 5} and data that is not acknowledged.
pub(crate) fn close_and_linger(part: &mut Part) -> io::Result<()> {
    let mut stream = part.connect()?;
    part.wait()?;
    stream.write_all(b"hello")?;
    socket::linger(&stream, Duration::from_secs(5))
}

/// The client's close waited.
pub(crate) fn lingered(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.began(&["fin_sent/linger_wait", "fin_received/peer_closed?"]),
        |server| server.followed(&["fin_received/peer_closed", "fin_sent/app_close"]),
    )
}

/// Reads nothing for a while, and then everything.
pub(crate) fn read_too_late(part: &mut Part) -> io::Result<()> {
    if let Some(listener) = &part.listener {
        options::narrow(listener)?;
    }
    let mut stream = part.accept()?;
    part.wait()?;
    thread::sleep(Duration::from_millis(200));
    stream.read_to_end(&mut Vec::new()).map(drop)
}

/// Closes with more written than the server has room for.
pub(crate) fn close_behind_data(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    silence::fill_buffers(&stream)?;
    drop(stream);
    part.cue()
}

/// The client's FIN had to wait.
pub(crate) fn delayed(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| {
            client.began(&[
                "fin_sent/fin_delayed_by_unsent_data",
                "fin_received/peer_closed?",
            ])
        },
        |server| server.followed(&["fin_received/peer_closed", "fin_sent/app_close"]),
    )
}
