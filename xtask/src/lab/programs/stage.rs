//! Where the programs play: two network namespaces with a wire between them, nobody else in them.

use std::{
    fs::{self, File},
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use nix::{
    sched::{CloneFlags, setns},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    lab::{clock::Deadline, farewell},
    shell,
};

/// Where the servers are; everything of theirs that listens does so on every address.
pub(in crate::lab) const SERVER: &str = "10.213.8.1";
const CLIENT: &str = "10.213.8.2";

/// The longest anything of a program's may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Which of the two namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::lab) enum Place {
    /// Where the servers are.
    Server,
    /// Where whoever asks them is.
    Client,
}

/// The namespaces, which go with their value, and a directory for the programs' files.
#[derive(Debug)]
pub(in crate::lab) struct Stage {
    names: [String; 2],
    directory: tempfile::TempDir,
}

impl Stage {
    /// Makes it.
    ///
    /// # Errors
    /// `ip` cannot do its part.
    pub(in crate::lab) fn new() -> anyhow::Result<Self> {
        let name = |side: &str| format!("frprog{}{side}", std::process::id());
        let stage = Self {
            names: ["s", "c"].map(name),
            directory: tempfile::tempdir()?,
        };
        let [server, client] = &stage.names;
        ip(&format!("netns add {server}"))?;
        ip(&format!("netns add {client}"))?;
        ip(&format!(
            "-n {server} link add eth0 type veth peer name eth0 netns {client}"
        ))?;
        for (netns, address) in [(server, SERVER), (client, CLIENT)] {
            ip(&format!("-n {netns} address add {address}/24 dev eth0"))?;
            ip(&format!("-n {netns} link set lo up"))?;
            ip(&format!("-n {netns} link set eth0 up"))?;
        }
        Ok(stage)
    }

    /// What makes finrst look at the two namespaces alone.
    pub(in crate::lab) fn filter(&self) -> Vec<String> {
        let words = self.names.iter().map(|name| ["--netns", name]);
        words.flatten().map(str::to_owned).collect()
    }

    /// The name of a namespace.
    pub(super) fn name(&self, place: Place) -> &str {
        let [server, client] = &self.names;
        match place {
            Place::Server => server,
            Place::Client => client,
        }
    }

    /// A directory for files.
    pub(in crate::lab) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A file there with this text.
    pub(super) fn file(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.directory().join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// A program to be run in a namespace; `ip` becomes the program, so that its pid is the program's.
    pub(in crate::lab) fn command(
        &self,
        place: Place,
        program: impl AsRef<std::ffi::OsStr>,
    ) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.name(place)]);
        command.arg(program).stdin(Stdio::null());
        command.current_dir(self.directory());
        command
    }

    /// Runs a program to its end and returns what it printed, whatever its status.
    pub(in crate::lab) fn run(&self, command: &mut Command) -> anyhow::Result<(u32, String)> {
        let file = self.directory().join("talk");
        let talk = File::create(&file)?;
        let child = command.stdout(Stdio::piped()).stderr(talk).spawn()?;
        let pid = child.id();
        let output = child.wait_with_output()?;
        Ok((pid, String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// Starts a server and waits until it listens.
    pub(super) fn serve(&self, command: &mut Command, port: u16) -> anyhow::Result<Running> {
        let running = self.start(command)?;
        self.await_listener(port).with_context(|| {
            fs::read_to_string(self.directory().join("talk")).unwrap_or_default()
        })?;
        Ok(running)
    }

    /// Starts a program that goes on.
    pub(in crate::lab) fn start(&self, command: &mut Command) -> anyhow::Result<Running> {
        let talk = File::create(self.directory().join("talk"))?;
        command.stdout(talk.try_clone()?).stderr(talk);
        Ok(Running(command.spawn()?))
    }

    /// Waits until somebody listens at a port of the server's.
    pub(super) fn await_listener(&self, port: u16) -> anyhow::Result<()> {
        let wanted = format!(":{port:04X} ");
        await_true("a listener", || {
            Ok(self
                .table(Place::Server)?
                .lines()
                .any(|line| line.contains(&wanted) && line.contains(" 0A ")))
        })
    }

    /// The kernel's tables of TCP sockets: to try whether somebody answers would be a connection.
    pub(super) fn table(&self, place: Place) -> anyhow::Result<String> {
        let mut cat = self.command(place, "cat");
        shell::read(cat.args(["/proc/net/tcp", "/proc/net/tcp6"]))
    }

    /// Does something inside of a namespace; what it opens there stays there.
    pub(in crate::lab) fn inside<T: Send>(
        &self,
        place: Place,
        what: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        let netns = File::open(format!("/run/netns/{}", self.name(place)))?;
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(netns, CloneFlags::CLONE_NEWNET)?;
                what()
            });
            thread.join().unwrap_or_else(|_| bail!("a thread panicked"))
        })
    }

    /// Connects to a server from the other namespace, as this process.
    pub(super) fn connect(&self, port: u16) -> anyhow::Result<TcpStream> {
        let stream = self.inside(Place::Client, || {
            let address: SocketAddr = format!("{SERVER}:{port}").parse()?;
            Ok(TcpStream::connect_timeout(&address, PATIENCE)?)
        })?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Listens where the servers are, as this process.
    pub(super) fn listen(&self, port: u16) -> anyhow::Result<TcpListener> {
        self.inside(Place::Server, || Ok(TcpListener::bind(("0.0.0.0", port))?))
    }

    /// Sets up the firewall where the servers are.
    pub(super) fn rules(&self, rules: &str) -> anyhow::Result<()> {
        let file = self.file("rules", rules)?;
        let mut nft = self.command(Place::Server, "nft");
        shell::read(nft.arg("-f").arg(file)).map(drop)
    }

    /// Sets a kernel setting of the server's namespace.
    pub(super) fn sysctl(&self, name: &str, value: u32) -> anyhow::Result<()> {
        let text = value.to_string();
        let file = format!("/proc/sys/net/ipv4/{name}");
        self.inside(Place::Server, || Ok(fs::write(file, text)?))
    }

    /// Takes the client's host off the wire, as a pulled cable does.
    pub(super) fn pull_cable(&self) -> anyhow::Result<()> {
        ip(&format!(
            "-n {} link set eth0 down",
            self.name(Place::Client)
        ))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for netns in &self.names {
            let _gone = ip(&format!("netns delete {netns}"));
        }
    }
}

/// A program that runs until its value goes.
#[derive(Debug)]
pub(in crate::lab) struct Running(Child);

impl Running {
    /// Its pid.
    pub(in crate::lab) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// The processes it has made, once there are any.
    pub(in crate::lab) fn children(&self) -> anyhow::Result<Vec<u32>> {
        let pid = self.pid();
        let mut found = Vec::new();
        await_true("children", || {
            let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
            let pids = text.split_whitespace().map(str::parse);
            found = pids.collect::<Result<_, _>>()?;
            Ok(!found.is_empty())
        })?;
        Ok(found)
    }

    /// Sends it a signal.
    pub(in crate::lab) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill(Pid::from_raw(self.pid().cast_signed()), signal)?)
    }

    /// Waits for its end.
    pub(super) fn wait(&mut self) -> anyhow::Result<()> {
        await_true("the end of a program", || Ok(self.0.try_wait()?.is_some()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        farewell::end(&mut self.0);
    }
}

/// Waits until something holds.
pub(in crate::lab) fn await_true(
    what: &str,
    mut holds: impl FnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let deadline = Deadline::after(PATIENCE);
    while !holds()? {
        ensure!(!deadline.left().is_zero(), "{what}: waited in vain");
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Sends a request and waits for the first bytes of what comes back.
pub(super) fn ask(mut stream: &TcpStream, request: &str) -> anyhow::Result<()> {
    stream.write_all(request.as_bytes())?;
    let mut first = [0];
    ensure!(stream.peek(&mut first)? > 0, "no answer to {request}");
    Ok(())
}

fn ip(words: &str) -> anyhow::Result<()> {
    shell::read(Command::new("ip").args(words.split(' '))).map(drop)
}
