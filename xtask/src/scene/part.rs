//! What a process of a scene has: its address, its partner, and a line to the director.

use std::{
    fmt::Display,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{cast, socket};

/// How long a read or write of a scene may take before the scene has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// One process of a scene, seen from inside.
#[derive(Debug)]
pub(crate) struct Part {
    /// To the director.
    pub(crate) director: UnixStream,
    /// To the other part.
    pub(crate) partner: UnixStream,
    /// The other part's pid; `None` for the server, who comes first.
    pub(crate) partner_pid: Option<Pid>,
    /// Where the server is, or is not.
    pub(crate) address: SocketAddr,
    /// The server's listening socket.
    pub(crate) listener: Option<TcpListener>,
}

impl Part {
    /// Takes the next connection and tells the client so.
    pub(crate) fn accept(&mut self) -> io::Result<TcpStream> {
        let listener = self.listener.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let (stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        self.cue()?;
        Ok(stream)
    }

    /// Connects to the server, tells the director, and waits until it was accepted.
    pub(crate) fn connect(&mut self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        self.tell_connection(stream.local_addr()?)?;
        self.wait()?;
        Ok(stream)
    }

    /// Tells the director of a connection from `client` to the server.
    pub(crate) fn tell_connection(&mut self, client: SocketAddr) -> io::Result<()> {
        let server = self.address;
        self.tell("connection", format_args!("{client} {server}"))
    }

    /// Tells the director one fact.
    pub(crate) fn tell(&mut self, key: &str, value: impl Display) -> io::Result<()> {
        self.director
            .write_all(format!("{key} {value}\n").as_bytes())
    }

    /// Lets the partner go on.
    pub(crate) fn cue(&mut self) -> io::Result<()> {
        self.partner.write_all(b".")
    }

    /// Waits for the partner's cue.
    pub(crate) fn wait(&mut self) -> io::Result<()> {
        self.partner.read_exact(&mut [0])
    }

    /// Stays until somebody kills this process; a partner's departure ends the wait as a failure.
    pub(crate) fn stay(&mut self) -> io::Result<()> {
        self.wait()?;
        Err(io::Error::other("nobody killed this process"))
    }

    /// Kills the other part, as an operator or the kernel's memory killer would.
    pub(crate) fn kill_partner(&self) -> io::Result<()> {
        let pid = self.partner_pid.ok_or(io::ErrorKind::NotFound)?;
        Ok(kill(pid, Signal::SIGKILL)?)
    }

    /// Forks a child of this part, told to the director by name; it shares every open descriptor.
    pub(crate) fn fork(
        &mut self,
        name: &str,
        work: impl FnOnce(UnixStream) -> io::Result<()>,
    ) -> io::Result<cast::Hired> {
        let child = cast::hire(name, None, work)?;
        self.tell(name, child.pid)?;
        Ok(child)
    }

    /// The client's half of an orderly end the server began: reads to the end, then closes.
    pub(crate) fn read_then_close(&mut self) -> io::Result<()> {
        let stream = self.connect()?;
        socket::read_to_end(&stream)
    }
}
