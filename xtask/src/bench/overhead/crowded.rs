//! finrst beside ever more open sockets: memory, and what an ending costs.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    thread,
    time::Duration,
};

use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    signal::{Signal, kill},
};
use serde::Serialize;

use super::{Stage, watcher::Watcher, way::Program};
use crate::{
    bench::churn::Manner,
    scene::cast::{self, Hired},
};

/// Descriptors a process has besides its connections.
const OTHERS: u64 = 64;

/// With room for all of them.
const FINRST: &[&str] = &["trace", "-o", "json", "--sockets", "2000000"];

/// The fewest sockets: a connection has two.
const FEWEST: u64 = 2;

/// One crowd.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Crowded {
    /// Sockets that are open, and were opened before finrst's eyes.
    pub(super) sockets: u64,
    /// The most memory finrst had, KiB.
    pub(super) resident_kib: u64,
    /// Nanoseconds finrst's threads ran for an ending of another socket, in tenths.
    pub(super) ending: u64,
    /// Events it lost.
    pub(super) lost: u64,
}

/// One connection, then ten sockets and ten times as many each time, at the most as many as were asked
/// for.
pub(super) fn all(stage: &Stage<'_>) -> anyhow::Result<Vec<Crowded>> {
    let most = stage.options.sockets;
    let mut crowds = Vec::new();
    let mut sockets = 1;
    while sockets < most * 10 {
        let open = sockets.min(most).max(FEWEST);
        eprintln!("{open} sockets");
        crowds.push(one(stage, open)?);
        sockets *= 10;
    }
    Ok(crowds)
}

fn one(stage: &Stage<'_>, sockets: u64) -> anyhow::Result<Crowded> {
    let program = Program::Finrst(FINRST);
    let watcher = Watcher::start(stage.finrst, program, stage.directory, stage.churn)?;
    let crowd = Crowd::gather(sockets / 2)?;
    thread::sleep(Duration::from_millis(500));
    let before = watcher.run_ns()?;
    let count = stage.options.connections;
    stage.churn.connections(count, Manner::Fin)?;
    thread::sleep(Duration::from_millis(500));
    let ns = watcher.run_ns()? - before;
    let left = watcher.stop()?;
    drop(crowd);
    Ok(Crowded {
        sockets,
        resident_kib: left.resident_kib,
        ending: ns * 10 / (count * 2),
        lost: left.lost,
    })
}

/// Both ends of so many connections, in as many processes as it takes: none may have more open files
/// than its limit. They end with the value, or with this process.
struct Crowd(Vec<Hired>);

impl Crowd {
    fn gather(connections: u64) -> anyhow::Result<Self> {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        let each = (hard.saturating_sub(OTHERS) / 2).max(1);
        let mut crowd = Self(Vec::new());
        let mut left = connections;
        while left > 0 {
            let here = left.min(each);
            let holder = cast::hire("fr-holder", None, |line| hold(line, here, hard))?;
            (&holder.line).read_exact(&mut [0])?;
            crowd.0.push(holder);
            left -= here;
        }
        Ok(crowd)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for holder in &self.0 {
            let _ended = kill(holder.pid, Signal::SIGKILL);
        }
        for holder in &self.0 {
            let _gone = cast::dismiss(holder.pid);
        }
    }
}

/// Opens connections to itself and keeps them until it is killed; a port serves 255 addresses.
fn hold(mut line: UnixStream, connections: u64, files: u64) -> io::Result<()> {
    setrlimit(Resource::RLIMIT_NOFILE, files, files)?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let port = listener.local_addr()?.port();
    let hosts = (1..=u8::MAX).cycle();
    let mut open = Vec::new();
    for (_, host) in (0..connections).zip(hosts) {
        let here = TcpStream::connect((Ipv4Addr::new(127, 0, 2, host), port))?;
        open.push((here, listener.accept()?.0));
    }
    line.write_all(b".")?;
    line.set_read_timeout(None)?;
    let _nobody_speaks = line.read(&mut [0])?;
    Ok(())
}
