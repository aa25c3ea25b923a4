//! What a process of a scene has: its address, its partner, and a line to the director.

use std::{
    fmt::Display,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{cast, socket, truth::Process};

/// How long things stay as they are for a tracer to look at, on a machine that is not slow.
const STILL: Duration = Duration::from_millis(300);

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
        stream.set_read_timeout(Some(cast::PATIENCE))?;
        self.cue()?;
        Ok(stream)
    }

    /// Connects to the server, tells the director, and waits until it was accepted.
    pub(crate) fn connect(&mut self) -> io::Result<TcpStream> {
        let stream = self.reach()?;
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

    /// Lets the partner begin, and waits until it is done.
    pub(crate) fn wait_twice(&mut self) -> io::Result<()> {
        self.cue()?;
        self.wait()
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
        self.introduce(name, cast::hire(name, None, work)?)
    }

    /// Forks a child that gets the pid of one that is gone.
    pub(crate) fn fork_again(
        &mut self,
        name: &str,
        gone: Pid,
        work: impl FnOnce(UnixStream) -> io::Result<()>,
    ) -> io::Result<cast::Hired> {
        self.introduce(name, cast::hire_as(gone, name, work)?)
    }

    /// Tells the director of a child, which is not reaped yet.
    fn introduce(&mut self, name: &str, child: cast::Hired) -> io::Result<cast::Hired> {
        let process = Process::now(child.pid.as_raw().unsigned_abs(), name);
        let start = process.start_ticks.unwrap_or(0);
        self.tell(name, format_args!("{} {start}", process.pid))?;
        Ok(child)
    }

    /// Connects to the server and tells the director; whether anybody accepts is another matter.
    pub(crate) fn reach(&mut self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(cast::PATIENCE))?;
        stream.set_nodelay(true)?;
        self.tell_connection(stream.local_addr()?)?;
        Ok(stream)
    }

    /// Does nothing for a while, so that a look at who holds what finds everything as it is.
    pub(crate) fn hold_still() {
        let slow = std::env::var("FINRST_SLOW").ok();
        let slow = slow.and_then(|slow| slow.parse().ok()).unwrap_or(1_u32);
        thread::sleep(STILL * slow.max(1));
    }

    /// The client's half of an orderly end the server began: reads to the end, then closes.
    pub(crate) fn read_then_close(&mut self) -> io::Result<()> {
        let stream = self.connect()?;
        socket::read_to_end(&stream)
    }
}
