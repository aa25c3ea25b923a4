//! A connection the kernel knows no more when the peer's FIN comes.

use std::io;

use super::{
    arrival, options,
    part::Part,
    truth::{Expected, Truth},
};

/// Closes as soon as nothing is left of the client's end.
pub(crate) fn close_when_gone(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    options::put_off_acknowledgements(&stream)?;
    let client = stream.peer_addr()?;
    part.cue()?;
    arrival::await_end(&stream)?;
    arrival::await_gone(client, part.address)?;
    drop(stream);
    Ok(())
}

/// Closes first, where there is no room for any stand-in.
pub(crate) fn close_without_room(part: &mut Part) -> io::Result<()> {
    options::sysctl("tcp_max_tw_buckets", 0)?;
    close_first(part)
}

/// Closes first, where a stand-in waits for the peer for a second.
pub(crate) fn close_and_wait_a_second(part: &mut Part) -> io::Result<()> {
    options::sysctl("tcp_fin_timeout", 1)?;
    close_first(part)
}

fn close_first(part: &mut Part) -> io::Result<()> {
    let stream = part.connect()?;
    part.wait()?;
    drop(stream);
    Ok(())
}

/// The RST that answered the server's FIN is for want of room.
pub(crate) fn answered_for_nobody(truth: &Truth) -> Vec<Expected> {
    answered(
        truth,
        "fin_received/peer_closed",
        "rst_sent/time_wait_overflow",
    )
}

/// It is because the client's kernel had waited long enough.
pub(crate) fn answered_in_vain(truth: &Truth) -> Vec<Expected> {
    answered(
        truth,
        "fin_received/slow_reaction",
        "rst_sent/stray_segment",
    )
}

fn answered(truth: &Truth, closed: &str, answer: &str) -> Vec<Expected> {
    let acts = [closed, "fin_sent/app_close", "rst_received/peer_reset"];
    let clients = truth.clients().map(|it| it.began(&["fin_sent/app_close"]));
    let servers = truth.servers().map(|it| it.followed(&acts));
    let answers = truth.clients();
    let answers = answers.map(|it| it.late_answer().acted(&[answer], None));
    clients.chain(servers).chain(answers).collect()
}
