//! Whose a connection is that nobody has accepted, or that one of many may accept.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::{fd::AsFd as _, unix::net::UnixStream},
    time::Duration,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::{Signal, kill},
};

use super::{
    arrival,
    cast::{self, Hired},
    graceful,
    part::Part,
    socket,
    truth::{Expected, Known, Process, Truth},
};

/// The workers' names, as many as there may be.
const WORKERS: [&str; 3] = ["fr-worker-0", "fr-worker-1", "fr-worker-2"];

/// How many connections there are.
const CONNECTIONS: usize = 6;

/// Takes connections until the line to the part brings a byte, and tells whose each was.
fn work(
    name: &str,
    listener: &TcpListener,
    line: &UnixStream,
    director: &mut UnixStream,
) -> io::Result<()> {
    // Another worker may be quicker; then there is nothing to accept after all.
    listener.set_nonblocking(true)?;
    loop {
        let mut ready = [
            PollFd::new(line.as_fd(), PollFlags::POLLIN),
            PollFd::new(listener.as_fd(), PollFlags::POLLIN),
        ];
        poll(&mut ready, PollTimeout::NONE)?;
        let [told, _] = ready;
        if told.any() == Some(true) {
            return Ok(());
        }
        match listener.accept() {
            // Told before it is closed: the client goes on when it is.
            Ok((_stream, peer)) => {
                director.write_all(format!("took {peer} {name}\n").as_bytes())?;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Lets the workers go once the client has had all its connections.
fn finish(part: &mut Part, workers: Vec<Hired>) -> io::Result<()> {
    part.wait()?;
    for mut worker in workers {
        worker.line.write_all(b".")?;
        cast::dismiss(worker.pid)?;
    }
    Ok(())
}

/// Listens, and leaves accepting to workers that share the listener, as nginx does.
pub(crate) fn prefork(part: &mut Part) -> io::Result<()> {
    let listener = part.listener.take().ok_or(ErrorKind::NotConnected)?;
    let mut workers = Vec::new();
    for name in WORKERS {
        let mut director = part.director.try_clone()?;
        workers.push(part.fork(name, |line| work(name, &listener, &line, &mut director))?);
    }
    part.cue()?;
    finish(part, workers)
}

/// Leaves listening and accepting to workers, each with a listener of its own on the one port.
pub(crate) fn share_port(part: &mut Part) -> io::Result<()> {
    let workers = hire_listeners(part, work)?;
    part.cue()?;
    finish(part, workers)
}

/// What a worker with a listener of its own does.
type Listening = fn(&str, &TcpListener, &UnixStream, &mut UnixStream) -> io::Result<()>;

/// Hires workers that listen beside each other on the part's port.
fn hire_listeners(part: &mut Part, work: Listening) -> io::Result<Vec<Hired>> {
    let address = part.address;
    let mut workers = Vec::new();
    for name in WORKERS {
        let mut director = part.director.try_clone()?;
        let mut worker = part.fork(name, |mut line| {
            let listener = socket::listen_shared(address)?;
            line.write_all(b".")?;
            work(name, &listener, &line, &mut director)
        })?;
        worker.line.read_exact(&mut [0])?;
        workers.push(worker);
    }
    Ok(workers)
}

/// Answers each byte from the part with the number of connections nobody has accepted.
fn count_waiting(
    _name: &str,
    listener: &TcpListener,
    mut line: &UnixStream,
    _director: &mut UnixStream,
) -> io::Result<()> {
    while line.read(&mut [0])? > 0 {
        line.write_all(&arrival::waiting(listener)?.to_ne_bytes())?;
    }
    Ok(())
}

/// Finds out, for one connection after the other, whose queue the kernel has put it in.
fn follow_choices(part: &mut Part, workers: &mut [Hired]) -> io::Result<()> {
    let mut before = [0; WORKERS.len()];
    for _ in 0..CONNECTIONS {
        part.cue()?;
        part.wait()?;
        let chosen = loop {
            if let Some(chosen) = whose_queue_grew(workers, &mut before)? {
                break chosen;
            }
        };
        part.tell("took", format_args!("- {chosen}"))?;
    }
    part.cue()
}

/// Asks each worker how many wait at it, and returns the one where there are more than before: nobody,
/// while the last segment of the handshake is still on its way.
fn whose_queue_grew(workers: &mut [Hired], before: &mut [u32]) -> io::Result<Option<&'static str>> {
    let mut chosen = None;
    for ((worker, name), before) in workers.iter_mut().zip(WORKERS).zip(before) {
        worker.line.write_all(b".")?;
        let mut waiting = [0; 4];
        worker.line.read_exact(&mut waiting)?;
        let waiting = u32::from_ne_bytes(waiting);
        if waiting > *before {
            chosen = Some(name);
        }
        *before = waiting;
    }
    Ok(chosen)
}

/// Workers listen, none accepts; the peer resets.
pub(crate) fn share_port_in_vain(part: &mut Part) -> io::Result<()> {
    let mut workers = hire_listeners(part, count_waiting)?;
    follow_choices(part, &mut workers)?;
    part.wait()?;
    dismiss(workers)
}

/// Workers listen, none accepts, and all are killed.
pub(crate) fn share_port_and_die(part: &mut Part) -> io::Result<()> {
    let mut workers = hire_listeners(part, count_waiting)?;
    follow_choices(part, &mut workers)?;
    for worker in &workers {
        kill(worker.pid, Signal::SIGKILL)?;
    }
    dismiss(workers)
}

/// Hangs up on the workers, and waits for their ends.
fn dismiss(workers: Vec<Hired>) -> io::Result<()> {
    // Each has inherited the lines to those before it, so that the last one hears it first.
    let pids: Vec<_> = workers.into_iter().map(|worker| worker.pid).collect();
    pids.into_iter().try_for_each(cast::dismiss)
}

/// Makes the connections one by one, each read to its end.
pub(crate) fn visit_often(part: &mut Part) -> io::Result<()> {
    part.wait()?;
    for _ in 0..CONNECTIONS {
        socket::read_to_end(&part.reach()?)?;
    }
    part.cue()
}

/// Makes the connections, and waits after each until it is known who has it.
fn queue_up(part: &mut Part) -> io::Result<Vec<TcpStream>> {
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        part.wait()?;
        streams.push(part.reach()?);
        part.cue()?;
    }
    part.wait()?;
    Ok(streams)
}

/// Gives up waiting to be accepted.
pub(crate) fn queue_up_and_reset(part: &mut Part) -> io::Result<()> {
    for stream in queue_up(part)? {
        socket::linger(&stream, Duration::ZERO)?;
    }
    part.cue()
}

/// Waits to be accepted until there is nobody who could.
pub(crate) fn queue_up_to_the_end(part: &mut Part) -> io::Result<()> {
    queue_up(part)?.iter().try_for_each(socket::read_to_reset)
}

/// The worker that took each connection, by the client's address where it is told, else in order.
fn takers(truth: &Truth) -> Vec<Process> {
    let told: Vec<(&str, &str)> = truth
        .values("took")
        .filter_map(|it| it.split_once(' '))
        .collect();
    let taker = |(position, client): (usize, SocketAddr)| {
        let client = client.to_string();
        let by_address = told.iter().find(|(peer, _)| *peer == client);
        let (_, name) = by_address.or_else(|| told.get(position))?;
        Some(truth.process(name))
    };
    let clients = truth.connections.iter().map(|it| it.client).enumerate();
    clients.map(|it| taker(it).unwrap_or_default()).collect()
}

/// Every connection is its worker's, who closes it.
pub(crate) fn taken(truth: &Truth) -> Vec<Expected> {
    let mut takers = takers(truth).into_iter();
    let mut expected = graceful::server_first(truth);
    for ending in &mut expected {
        if ending.initiator.as_deref() == Some("local") {
            *ending = ending.clone().by(takers.next().unwrap_or_default());
        }
    }
    expected
}

/// What is expected of connections nobody accepted, each of the worker whose listener it came to.
fn in_vain(
    truth: &Truth,
    client: fn(Expected) -> Expected,
    server: fn(Expected) -> Expected,
) -> Vec<Expected> {
    let servers = truth
        .servers()
        .zip(takers(truth))
        .map(|(ending, taker)| server(ending.by(taker)).known(Known::ByFunctions));
    truth.clients().map(client).chain(servers).collect()
}

/// The peer reset what nobody had accepted.
pub(crate) fn reset_in_vain(truth: &Truth) -> Vec<Expected> {
    in_vain(
        truth,
        |client| client.began(&["rst_sent/linger_zero"]).because("TCP_STATE"),
        |server| server.followed(&["rst_received/peer_reset"]),
    )
}

/// A worker's end resets what nobody had accepted.
pub(crate) fn dead_in_vain(truth: &Truth) -> Vec<Expected> {
    in_vain(
        truth,
        |client| client.followed(&["rst_received/peer_reset"]),
        |server| server.began(&["rst_sent/listener_closed"]),
    )
}

/// Closes the listener with a connection in its queue.
pub(crate) fn close_listener(part: &mut Part) -> io::Result<()> {
    part.wait()?;
    let listener = part.listener.take().ok_or(ErrorKind::NotConnected)?;
    // The client is connected before the last segment of the handshake has come here.
    arrival::await_waiting(&listener)?;
    drop(listener);
    part.wait()
}

/// Waits to be accepted, until there is no listener any more.
pub(crate) fn wait_in_vain(part: &mut Part) -> io::Result<()> {
    let stream = part.reach()?;
    part.cue()?;
    socket::read_to_reset(&stream)?;
    part.cue()
}

/// Whoever closes a listener resets what waits there.
pub(crate) fn listener_closed(truth: &Truth) -> Vec<Expected> {
    truth.both(
        |client| client.followed(&["rst_received/peer_reset"]),
        |server| server.began(&["rst_sent/listener_closed"]),
    )
}
