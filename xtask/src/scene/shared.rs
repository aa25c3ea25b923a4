//! Who the last closer is, when threads or processes share a socket or a program.

use std::{
    io::{self, Read as _, Write as _},
    os::fd::AsRawFd as _,
    thread,
};

use super::{
    cast, graceful,
    part::Part,
    socket,
    truth::{Expected, Holder, Process, Truth},
};

/// How many threads close, each a connection of its own.
const THREADS: usize = 4;

/// Opens as many connections as there are threads, then reads each to its end.
pub(crate) fn connect_many(part: &mut Part) -> io::Result<()> {
    let streams = (0..THREADS)
        .map(|_| part.connect())
        .collect::<io::Result<Vec<_>>>()?;
    part.cue()?;
    streams.iter().try_for_each(socket::read_to_end)
}

/// Hands each connection to a thread, which closes it.
pub(crate) fn close_in_threads(part: &mut Part) -> io::Result<()> {
    let streams = (0..THREADS)
        .map(|_| part.accept())
        .collect::<io::Result<Vec<_>>>()?;
    part.wait()?;
    let closers: Vec<_> = streams
        .into_iter()
        .map(|stream| {
            thread::Builder::new()
                .name("fr-closer".into())
                .spawn(|| drop(stream))
        })
        .collect::<io::Result<_>>()?;
    for closer in closers {
        if closer.join().is_err() {
            return Err(io::Error::other("a closer panicked"));
        }
    }
    Ok(())
}

/// Shares the socket with a child, closes first, which ends nothing, and lets the child close last.
pub(crate) fn close_twice(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    part.tell("fd", stream.as_raw_fd())?;
    // In this process the closure is dropped unused, and its copy of the socket with it.
    let mut heir = part.fork("fr-heir", move |mut parent| {
        parent.read_exact(&mut [0])?;
        drop(stream);
        Ok(())
    })?;
    Part::hold_still();
    heir.line.write_all(b".")?;
    cast::dismiss(heir.pid)
}

/// The server's close ends nothing; the heir is the last closer, so it ended the connection.
pub(crate) fn last_closer(truth: &Truth) -> Vec<Expected> {
    let heir = truth.process("fr-heir");
    closed_twice(truth, &truth.server, &heir, truth.number("fd"))
}

/// What is expected where `first` closes while `last` still has the descriptor `fd`.
pub(crate) fn closed_twice(
    truth: &Truth,
    first: &Process,
    last: &Process,
    fd: u32,
) -> Vec<Expected> {
    let holder = Holder {
        process: last.clone(),
        fd,
    };
    let held = truth.servers().map(|server| {
        let holders = std::slice::from_ref(&holder);
        server.by(first.clone()).held_by(holders)
    });
    let mut expected: Vec<_> = held.collect();
    expected.extend(graceful::server_first(truth).into_iter().map(|ending| {
        if ending.initiator.as_deref() == Some("local") {
            ending.by(last.clone())
        } else {
            ending
        }
    }));
    expected
}

/// Leaves the socket to a child, which closes in order and then exits with a status of its own.
pub(crate) fn child_closes_and_exits(part: &mut Part) -> io::Result<()> {
    let stream = part.accept()?;
    part.tell("fd", stream.as_raw_fd())?;
    let mut heir = part.fork("fr-heir", move |mut parent| {
        parent.read_exact(&mut [0])?;
        drop(stream);
        cast::leave(3)
    })?;
    Part::hold_still();
    heir.line.write_all(b".")?;
    cast::dismiss(heir.pid)
}
