//! finrst beside ever more open sockets: memory, and what an ending costs.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::Serialize;

use super::{Stage, watcher::Watcher, way::Program};
use crate::bench::churn::Manner;

/// With room for all of them.
const FINRST: &[&str] = &["trace", "-o", "json", "--sockets", "2000000"];

/// The fewest sockets.
const FEWEST: u64 = 1_000;

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

/// Ten times as many each time; as many as there may be open files, at the most.
pub(super) fn all(stage: &Stage<'_>) -> anyhow::Result<Vec<Crowded>> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    let most = stage.options.sockets.min(hard.saturating_sub(1_000));
    let mut crowds = Vec::new();
    let mut sockets = FEWEST;
    while sockets < most * 10 {
        let open = sockets.min(most);
        eprintln!("{open} sockets");
        crowds.push(one(stage, open)?);
        sockets *= 10;
    }
    Ok(crowds)
}

fn one(stage: &Stage<'_>, sockets: u64) -> anyhow::Result<Crowded> {
    let program = Program::Finrst(FINRST);
    let watcher = Watcher::start(stage.finrst, program, stage.directory, stage.churn)?;
    let crowd = open(sockets / 2)?;
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

/// Both ends of so many connections; a port serves 255 addresses.
fn open(connections: u64) -> anyhow::Result<Vec<(TcpStream, TcpStream)>> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let port = listener.local_addr()?.port();
    let hosts = (1..=u8::MAX).cycle();
    let mut open = Vec::new();
    for (_, host) in (0..connections).zip(hosts) {
        let here = TcpStream::connect((Ipv4Addr::new(127, 0, 2, host), port))?;
        open.push((here, listener.accept()?.0));
    }
    Ok(open)
}
