//! Endings in order: FINs both ways, in every sequence.

use std::{
    io::{self, Write as _},
    net::Shutdown,
    thread,
    time::Duration,
};

use super::{
    part::Part,
    socket,
    truth::{Expected, Truth},
};

/// How long the slow server keeps a connection its client has finished with.
const REACTION: Duration = Duration::from_millis(150);

/// Says something and closes.
pub(crate) fn say_and_close(part: &mut Part) -> io::Result<()> {
    let mut stream = part.connect()?;
    stream.write_all(b"hello")
}

/// Reads to the client's end and closes.
pub(crate) fn hear_out(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    socket::read_to_end(&stream)
}

/// Says something, closes first.
pub(crate) fn serve_and_close(part: &mut Part) -> io::Result<()> {
    let mut stream = part.accept()?;
    stream.write_all(b"hello")
}

/// The client's FIN first, the server's in answer.
pub(crate) fn client_first(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.began(&["fin_sent/app_close", "fin_received/peer_closed?"]),
        |server| server.followed(&["fin_received/peer_closed", "fin_sent/app_close"]),
    )
}

/// The server's FIN first, the client's in answer.
pub(crate) fn server_first(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.followed(&["fin_received/peer_closed", "fin_sent/app_close"]),
        |server| server.began(&["fin_sent/app_close", "fin_received/peer_closed?"]),
    )
}

/// Asks, says it will ask no more, and reads the answer.
pub(crate) fn ask_and_finish(part: &mut Part) -> io::Result<()> {
    let mut stream = part.connect()?;
    stream.write_all(b"question")?;
    stream.shutdown(Shutdown::Write)?;
    socket::read_to_end(&stream)
}

/// Reads the whole question, answers, closes.
pub(crate) fn answer(part: &mut Part) -> io::Result<()> {
    let mut stream = part.accept()?;
    socket::read_to_end(&stream)?;
    stream.write_all(b"answer")
}

/// The client keeps its socket, so the server's FIN reaches it.
pub(crate) fn half_close(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.began(&["fin_sent/app_shutdown_write", "fin_received/peer_closed"]),
        |server| server.followed(&["fin_received/peer_closed", "fin_sent/app_close"]),
    )
}

/// Shuts both directions, waits for the peer, closes.
pub(crate) fn shut_both(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    stream.shutdown(Shutdown::Both)?;
    part.wait()?;
    drop(stream);
    Ok(())
}

/// Reads to the end, closes, and says so.
pub(crate) fn hear_out_and_cue(part: &mut Part) -> io::Result<()> {
    hear_out(part)?;
    part.cue()
}

/// Reads to the end, and keeps the connection until the client is done.
pub(crate) fn hear_out_and_wait(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    socket::read_to_end(&stream)?;
    part.wait()?;
    drop(stream);
    Ok(())
}

/// One FIN, by shutdown; the later close sends nothing.
pub(crate) fn shut_both_expected(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.began(&["fin_sent/app_shutdown_write", "fin_received/peer_closed"]),
        |server| server.followed(&["fin_received/peer_closed", "fin_sent/app_close"]),
    )
}

/// Sees the client's end and takes its time.
pub(crate) fn react_slowly(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    socket::read_to_end(&stream)?;
    thread::sleep(REACTION);
    Ok(())
}

/// The server stays in `CLOSE_WAIT` for the time of its reaction.
pub(crate) fn slow_reaction(truth: &Truth) -> Vec<Expected> {
    let mut expected = client_first(truth);
    for ending in &mut expected {
        if ending.initiator.as_deref() == Some("remote") {
            ending.close_wait_ms = u64::try_from(REACTION.as_millis()).unwrap_or(0);
        }
    }
    expected
}
