//! What the kernel does to sockets older than the attach, whose holder does nothing to them.

use std::{
    net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream},
    os::unix::process::parent_id,
    time::Duration,
};

use anyhow::{Context as _, ensure};

use crate::{
    lab::{Lab, scenes, told::Ending, tracer::Tracer},
    scene::socket,
};

/// Tries until the look at what is older must be over; each takes a connection of its own.
const TRIES: usize = 100;
/// A port segments come from that nobody opened.
const NOWHERE: u16 = 9;

/// `-p` of who holds a listener and connections since before lets through what the kernel does to
/// them; `-p` of somebody else does not.
pub(super) fn older(lab: &Lab) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let pair = || -> std::io::Result<(TcpStream, TcpStream)> {
        let peer = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        Ok((peer, listener.accept()?.0))
    };
    let pairs = (0..TRIES).map(|_| pair());
    let (peers, held): (Vec<_>, Vec<_>) = pairs
        .collect::<Result<Vec<_>, _>>()
        .context("connections to ourselves")?
        .into_iter()
        .unzip();
    let trace = |pid: u32| {
        let command = lab.trace(&["-p".into(), pid.to_string()]);
        Tracer::start(command, lab.patience(Duration::from_secs(10)))
    };
    let strangers = trace(parent_id())?;
    let mut ours = trace(std::process::id())?;
    let answered = |endings: &[Ending]| endings.iter().any(|it| is_answer(it, port));
    let mut known = false;
    for peer in peers {
        socket::send_ack(NOWHERE, SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
        known = ours.watch(lab.patience(Duration::from_millis(50)), answered)?;
        socket::linger(&peer, Duration::ZERO)?;
        drop(peer);
        if known {
            break;
        }
    }
    ensure!(
        known || !lab.sees_answering_resets(),
        "the answer in the name of our listener was not told"
    );
    // The last of those that were reset is told at the latest when nothing more can come.
    let ours = ours.stop()?;
    let strangers = strangers.stop()?;
    drop(held);
    let mut endings = ours.endings.iter().filter(|it| is_of(it, port));
    let reset = endings.any(|it| it.acts.iter().any(|act| act.how == "rst_received"));
    ensure!(reset, "an RST for a connection of ours was not told");
    let stray = strangers.endings.iter().find(|it| is_of(it, port));
    ensure!(stray.is_none(), "told for another process: {stray:?}");
    scenes::accounted(ours.summary)
}

/// Whether an ending is the answer to our segment in the name of the listener at this port.
fn is_answer(ending: &Ending, port: u16) -> bool {
    is_of(ending, port) && ending.connection.remote.port == NOWHERE
}

/// Whether an ending is of a socket with this port of its own.
fn is_of(ending: &Ending, port: u16) -> bool {
    ending.connection.local.port == port
}
