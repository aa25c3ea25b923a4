//! A storm: many connections as fast as two processes can make and end them, and no more.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    thread,
    time::Duration,
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::{arrival, cast, socket};

/// Loopback addresses the connections go to in turn, so that ports in `TIME_WAIT` never run out.
const ADDRESSES: u8 = 64;

/// How long a server that closes late takes.
pub(crate) const LATE: Duration = Duration::from_millis(3);

/// How one connection of a storm ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Manner {
    /// The client closes first, the server answers in order.
    Graceful,
    /// The client closes first, the server some milliseconds later.
    Late,
    /// The client resets by `SO_LINGER` {1, 0}.
    Reset,
    /// The server closes with data unread.
    Unread,
}

/// What a storm did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Storm {
    /// Connections that were made and ended; each has two sockets, so two endings.
    pub(crate) connections: u32,
    /// The port of the server.
    pub(crate) port: u16,
    /// The server's pid.
    pub(crate) server: u32,
    /// The client's pid.
    pub(crate) client: u32,
}

/// Makes and ends `connections` connections over `threads` threads on each side.
///
/// # Errors
/// A process could not be made, or a connection could not.
pub(crate) fn play(
    connections: u32,
    threads: u32,
    mix: &[Manner],
    wait: bool,
) -> anyhow::Result<Storm> {
    let threads = threads.max(1);
    let mix = if mix.is_empty() {
        &[Manner::Graceful]
    } else {
        mix
    };
    let server = cast::hire("fr-server", None, |line| {
        serve(line, connections, threads, mix)
    })?;
    let mut port = [0; 2];
    (&server.line).read_exact(&mut port)?;
    let port = u16::from_be_bytes(port);
    if wait {
        println!("{{\"server\":{},\"port\":{port}}}", server.pid);
        io::stdin()
            .lines()
            .next()
            .context("nobody gave the cue")??;
    }
    let client = cast::hire("fr-client", None, |_| {
        connect(port, connections, threads, mix)
    })?;
    cast::dismiss(client.pid)?;
    cast::dismiss(server.pid)?;
    Ok(Storm {
        connections,
        port,
        server: server.pid.as_raw().unsigned_abs(),
        client: client.pid.as_raw().unsigned_abs(),
    })
}

/// Runs `work` for every share of the connections, each share on a thread of its own.
fn share(
    connections: u32,
    threads: u32,
    work: impl Fn(u32, u32) -> io::Result<()> + Sync,
) -> io::Result<()> {
    thread::scope(|scope| {
        let work = &work;
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let extra = u32::from(thread < connections % threads);
                scope.spawn(move || work(thread, connections / threads + extra))
            })
            .collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a worker panicked")))
        })
    })
}

/// Accepts every connection and ends it in the manner its first byte asks for.
fn serve(mut line: UnixStream, connections: u32, threads: u32, mix: &[Manner]) -> io::Result<()> {
    let listener = socket::listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))?;
    line.write_all(&listener.local_addr()?.port().to_be_bytes())?;
    share(connections, threads, |_, share| {
        (0..share).try_for_each(|_| end(&listener, mix))
    })
}

/// The server's side of one connection.
fn end(listener: &TcpListener, mix: &[Manner]) -> io::Result<()> {
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(cast::PATIENCE))?;
    let mut first = [0];
    let manner = match stream.read(&mut first) {
        Ok(1) => mix.get(usize::from(first[0])).copied(),
        _ => None,
    };
    if manner == Some(Manner::Unread) {
        return arrival::await_unread(&stream, 1);
    }
    if manner == Some(Manner::Reset) {
        stream.write_all(b".")?;
    }
    // However this one ends, in order or by a reset, it ends here.
    let _ended = socket::read_to_end(&stream);
    if manner == Some(Manner::Late) {
        thread::sleep(LATE);
    }
    Ok(())
}

/// Makes the client's connections, each in the next manner of the mix.
fn connect(port: u16, connections: u32, threads: u32, mix: &[Manner]) -> io::Result<()> {
    share(connections, threads, |thread, share| {
        let addresses = (1..=ADDRESSES).cycle();
        let manners = (0_u8..).zip(mix.iter().copied()).cycle();
        let shares = usize::try_from(share).map_err(io::Error::other)?;
        let turns = addresses
            .zip(manners)
            .skip(usize::try_from(thread).unwrap_or(0));
        turns
            .take(shares)
            .try_for_each(|(address, (code, manner))| {
                one(
                    (Ipv4Addr::new(127, 0, 0, address), port).into(),
                    code,
                    manner,
                )
            })
    })
}

/// The client's side of one connection.
fn one(server: SocketAddr, code: u8, manner: Manner) -> io::Result<()> {
    let mut stream = TcpStream::connect(server)?;
    match manner {
        Manner::Graceful | Manner::Late => stream.write_all(&[code]),
        Manner::Reset => {
            stream.write_all(&[code])?;
            // Nothing of the server's may be under way when the socket goes: it would be answered
            // by a second reset.
            stream.read_exact(&mut [0])?;
            socket::linger(&stream, Duration::ZERO)
        }
        Manner::Unread => {
            stream.write_all(&[code, code])?;
            let _ended = socket::read_to_end(&stream);
            Ok(())
        }
    }
}
