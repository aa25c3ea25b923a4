//! What really happened in a scene, and what a tracer must therefore have seen.

mod expected;

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, SocketAddr},
};

pub(crate) use expected::{Exit, Expected, Holder, Known, Seen};
use serde::{Deserialize, Serialize};

/// One process of a scene.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// Its pid, as the scene's own pid namespace numbers it.
    pub(crate) pid: u32,
    /// The name it gave itself.
    pub(crate) comm: String,
    /// When it was made, in clock ticks since boot; `None` when nobody looked. With the pid it tells
    /// a process from the one that had the pid before.
    #[serde(default)]
    pub(crate) start_ticks: Option<u64>,
}

impl Process {
    /// A process that exists, by the name it has given itself or will have by the time it matters.
    pub(crate) fn now(pid: u32, comm: &str) -> Self {
        Self {
            pid,
            comm: comm.to_owned(),
            start_ticks: start_ticks(pid),
        }
    }

    /// The process told of as `PID START`.
    fn told(comm: &str, fact: &str) -> Self {
        let mut words = fact.split(' ');
        let pid = words.next().and_then(|pid| pid.parse().ok());
        Self {
            pid: pid.unwrap_or(0),
            comm: comm.to_owned(),
            start_ticks: words.next().and_then(|start| start.parse().ok()),
        }
    }
}

/// When a process was made, by the 22nd field of `/proc/PID/stat`.
fn start_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses and may itself have spaces and parentheses.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

/// One connection, or attempt at one, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Connection {
    /// The client's end; port zero when it never came about and the kernel forgot the port.
    pub(crate) client: SocketAddr,
    /// The server's end.
    pub(crate) server: SocketAddr,
}

/// Who took part and which connections there were.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    /// The process that accepts.
    pub(crate) server: Process,
    /// The process that connects.
    pub(crate) client: Process,
    /// In the order they were made.
    pub(crate) connections: Vec<Connection>,
    /// Whatever else the parts told, each key with every value told for it.
    pub(crate) facts: BTreeMap<String, Vec<String>>,
}

impl Truth {
    /// What is expected of every connection's client socket; acts are still to be named.
    pub(crate) fn clients(&self) -> impl Iterator<Item = Expected> + '_ {
        self.connections
            .iter()
            .map(|c| Expected::of(c.client, c.server, &self.client))
    }

    /// What is expected of every connection's server socket; acts are still to be named.
    pub(crate) fn servers(&self) -> impl Iterator<Item = Expected> + '_ {
        self.connections
            .iter()
            .map(|c| Expected::of(c.server, c.client, &self.server))
    }

    /// The usual pair: what is expected of each connection's two sockets.
    pub(crate) fn both(
        &self,
        client: fn(Expected) -> Expected,
        server: fn(Expected) -> Expected,
    ) -> Vec<Expected> {
        self.clients()
            .map(client)
            .chain(self.servers().map(server))
            .collect()
    }

    /// A further process a part told of.
    pub(crate) fn process(&self, comm: &str) -> Process {
        Process::told(comm, self.fact(comm))
    }

    /// The first value told for a key; empty when there is none.
    pub(crate) fn fact(&self, key: &str) -> &str {
        self.values(key).next().unwrap_or_default()
    }

    /// The number told for a key; zero when there is none.
    pub(crate) fn number(&self, key: &str) -> u32 {
        self.fact(key).parse().unwrap_or(0)
    }

    /// Every value told for a key, in order.
    pub(crate) fn values(&self, key: &str) -> impl Iterator<Item = &str> {
        let told = self.facts.get(key).into_iter().flatten();
        told.map(String::as_str)
    }
}

/// What a scene prints when it is over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    /// The scene's name.
    pub(crate) scene: String,
    /// What happened, for people.
    pub(crate) title: String,
    /// `fr-server`.
    pub(crate) server: Process,
    /// `fr-client`.
    pub(crate) client: Process,
    /// Inode number of the network namespace everything happened in.
    pub(crate) netns: u32,
    /// In the order they were made.
    pub(crate) connections: Vec<Connection>,
    /// Whatever else the parts told.
    pub(crate) facts: BTreeMap<String, Vec<String>>,
    /// The endings a tracer must have seen.
    pub(crate) expected: Vec<Expected>,
}

/// What a scene prints before it waits for its cue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// The process the other two are children of.
    pub(crate) director: u32,
    /// `fr-server`.
    pub(crate) server: Process,
    /// `fr-client`.
    pub(crate) client: Process,
    /// Where the server listens.
    pub(crate) address: SocketAddr,
    /// Inode number of the network namespace.
    pub(crate) netns: u32,
}

/// The address with a v4-mapped one shown as the IPv4 address it stands for.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    let ip: IpAddr = address.ip().to_canonical();
    SocketAddr::new(ip, address.port())
}
