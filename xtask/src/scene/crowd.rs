//! A crowd: many connections open at once between two processes, which then end all of them.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::unix::net::UnixStream,
    time::Duration,
};

use nix::{
    sched::{CpuSet, sched_setaffinity},
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        signal::{Signal, kill},
    },
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use super::{
    cast::{self, Hired},
    director, netns, socket,
    truth::{Expected, Process, Ready},
};

/// Descriptors a process has besides its connections.
const OTHERS: u64 = 64;

/// How a crowd ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Farewell {
    /// The server closes every connection, the client answers in order.
    #[default]
    ServerCloses,
    /// The server is killed, the client answers in order.
    ServerKilled,
    /// The client shuts every connection down and the server does nothing, until both close.
    LeftOver,
    /// The client resets every connection while others flood every processor; the server does
    /// nothing until all are gone.
    ResetInFlood,
}

/// What a crowd did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Crowd {
    /// Connections there were; each has two sockets, so two endings.
    pub(crate) connections: u32,
    /// Where the server listened.
    pub(crate) address: SocketAddr,
    /// Inode number of the network namespace.
    pub(crate) netns: u32,
    /// What is expected of every client's socket, whose port is zero for any.
    pub(crate) client: Expected,
    /// What is expected of every server's socket; likewise the remote port.
    pub(crate) server: Expected,
}

/// Gathers a crowd and ends it.
///
/// # Errors
/// A process could not be made or could not do its part.
pub(crate) fn play(wanted: u32, farewell: Farewell, wait: bool) -> anyhow::Result<Crowd> {
    let flood = farewell == Farewell::ResetInFlood;
    if flood || farewell == Farewell::LeftOver {
        netns::enter_new()?;
    }
    if flood {
        // Where segments cannot be handed to other processors, the flood answers fewer of them.
        let _spread = netns::spread_receiving();
    }
    let connections = wanted.min(allowed()?);
    let server = cast::hire("fr-server", None, |line| serve(line, connections, farewell))?;
    let mut port = [0; 2];
    (&server.line).read_exact(&mut port)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, u16::from_be_bytes(port)));
    let client = cast::hire("fr-client", None, |line| {
        visit(line, address, connections, farewell)
    })?;
    for gathered in [&client, &server] {
        (&gathered.line).read_exact(&mut [0])?;
    }
    let process = |hired: &Hired, comm| Process::now(hired.pid.as_raw().unsigned_abs(), comm);
    let ready = Ready {
        director: std::process::id(),
        server: process(&server, "fr-server"),
        client: process(&client, "fr-client"),
        address,
        netns: netns::inode()?,
    };
    if wait {
        director::wait_for_a_line(&ready)?;
    }
    let flooders = if flood { hire_flooders()? } else { Vec::new() };
    match farewell {
        Farewell::ServerKilled => kill(server.pid, Signal::SIGKILL)?,
        Farewell::ServerCloses | Farewell::LeftOver => (&server.line).write_all(b"!")?,
        Farewell::ResetInFlood => {}
    }
    (&client.line).write_all(b"!")?;
    cast::dismiss(client.pid)?;
    if flood {
        (&server.line).write_all(b"!")?;
    }
    cast::dismiss(server.pid)?;
    for flooder in flooders {
        kill(flooder.pid, Signal::SIGKILL)?;
        cast::dismiss(flooder.pid)?;
    }
    let (client, server) = expected(&ready, farewell);
    Ok(Crowd {
        connections,
        address,
        netns: ready.netns,
        client,
        server,
    })
}

/// What each socket's ending is, client first.
fn expected(ready: &Ready, farewell: Farewell) -> (Expected, Expected) {
    let mut any = ready.address;
    any.set_port(0);
    let client = Expected::of(any, ready.address, &ready.client);
    let server = Expected::of(ready.address, any, &ready.server);
    let answered = ["fin_received/peer_closed", "fin_sent/app_close"];
    match farewell {
        Farewell::ServerCloses => (
            client.followed(&answered),
            server.began(&["fin_sent/app_close", "fin_received/peer_closed?"]),
        ),
        Farewell::ServerKilled => (
            client.followed(&answered),
            server
                .began(&["fin_sent/process_exit", "fin_received/peer_closed?"])
                .killed(),
        ),
        Farewell::LeftOver => (
            client.began(&["fin_sent/app_shutdown_write", "fin_received/peer_closed"]),
            server.followed(&answered),
        ),
        Farewell::ResetInFlood => (
            client.began(&["rst_sent/linger_zero"]),
            server.followed(&["rst_received/peer_reset"]),
        ),
    }
}

/// How many connections a process may have at most, once it has asked for all it may have.
fn allowed() -> io::Result<u32> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(u32::try_from(hard.saturating_sub(OTHERS)).unwrap_or(u32::MAX))
}

/// Accepts everybody and does its part of the farewell.
fn serve(mut line: UnixStream, connections: u32, farewell: Farewell) -> io::Result<()> {
    let listener = socket::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    line.write_all(&listener.local_addr()?.port().to_be_bytes())?;
    let accept = |listener: &TcpListener| listener.accept().map(|(stream, _)| stream);
    let crowd = (0..connections)
        .map(|_| accept(&listener))
        .collect::<io::Result<Vec<TcpStream>>>()?;
    line.write_all(b".")?;
    line.set_read_timeout(None)?;
    line.read_exact(&mut [0])?;
    if farewell == Farewell::ServerKilled {
        return Err(io::Error::other("nobody killed this process"));
    }
    if farewell == Farewell::ResetInFlood {
        // A reset may still be on its way to another processor when its sender is gone already.
        for stream in &crowd {
            stream.set_read_timeout(Some(cast::PATIENCE))?;
            socket::read_to_reset(stream)?;
        }
    }
    drop(crowd);
    Ok(())
}

/// Makes the connections and does its part of the farewell.
fn visit(
    mut line: UnixStream,
    address: SocketAddr,
    connections: u32,
    farewell: Farewell,
) -> io::Result<()> {
    let crowd = (0..connections)
        .map(|_| TcpStream::connect(address))
        .collect::<io::Result<Vec<TcpStream>>>()?;
    if farewell == Farewell::LeftOver {
        crowd
            .iter()
            .try_for_each(|stream| stream.shutdown(Shutdown::Write))?;
    }
    line.write_all(b".")?;
    line.set_read_timeout(None)?;
    line.read_exact(&mut [0])?;
    for stream in crowd {
        stream.set_read_timeout(Some(cast::PATIENCE))?;
        if farewell == Farewell::ResetInFlood {
            socket::linger(&stream, Duration::ZERO)?;
        } else {
            socket::read_to_end(&stream)?;
        }
    }
    Ok(())
}

/// A process for each of the first two processors, which does nothing there but send and receive:
/// what the kernel answers in softirq, it mostly answers while one of them is running.
fn hire_flooders() -> io::Result<Vec<Hired>> {
    let flooder = |(processor, name)| cast::hire(name, None, move |_| flood(processor));
    let names = ["fr-flood-0", "fr-flood-1"].into_iter();
    names.enumerate().map(flooder).collect()
}

/// Sends to itself until it is killed.
fn flood(processor: usize) -> io::Result<()> {
    let mut here = CpuSet::new();
    here.set(processor)?;
    // There may be one processor only; then all are on it anyway.
    let _pinned = sched_setaffinity(Pid::from_raw(0), &here);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(socket.local_addr()?)?;
    socket.set_nonblocking(true)?;
    loop {
        // Whatever cannot be sent or received is no loss.
        let _sent = socket.send(&[0; 64]);
        let _received = socket.recv(&mut [0; 64]);
    }
}
