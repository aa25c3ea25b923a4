//! What really happened in a scene, and what a tracer must therefore have seen.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use serde::{Deserialize, Serialize};

/// One process of a scene.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// Its pid, as the scene's own pid namespace numbers it.
    pub(crate) pid: u32,
    /// The name it gave itself.
    pub(crate) comm: String,
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
        let pid = self.facts.get(comm).and_then(|told| told.first());
        Process {
            pid: pid.and_then(|pid| pid.parse().ok()).unwrap_or(0),
            comm: comm.to_owned(),
        }
    }
}

/// On which kernels an ending can be seen at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Seen {
    /// On every one.
    #[default]
    Always,
    /// Where resets without a socket reach a hook: by function hooks, or by the tracepoint since 6.10.
    WithAnsweringResets,
}

/// One ending a tracer must report, exactly once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Expected {
    /// The end the ending is told from; port zero stands for any.
    pub(crate) local: SocketAddr,
    /// The other end, likewise.
    pub(crate) remote: SocketAddr,
    /// Who held the socket; `None` when no socket was involved.
    pub(crate) owner: Option<Process>,
    /// Whose call sent the FIN or RST; `None` when the kernel answered a segment by itself.
    pub(crate) actor: Option<Process>,
    /// The acts in order as `how/cause`. `!cause` is any other cause; a final `?` marks an act that
    /// a tracer may miss, because the kernel has no event for it.
    pub(crate) acts: Vec<String>,
    /// Who acted first; `None` when either answer is right.
    pub(crate) initiator: Option<String>,
    /// The kernel's reason for the RST, on kernels that give one.
    pub(crate) reason: Option<String>,
    /// Where it can be seen.
    pub(crate) seen: Seen,
    /// The least time between the peer's FIN and ours, in milliseconds; zero when it does not matter.
    pub(crate) close_wait_ms: u64,
}

impl Expected {
    /// An ending told from `local`, of a socket `owner` held and ended.
    pub(crate) fn of(local: SocketAddr, remote: SocketAddr, owner: &Process) -> Self {
        Self {
            local: canonical(local),
            remote: canonical(remote),
            owner: Some(owner.clone()),
            actor: Some(owner.clone()),
            acts: Vec::new(),
            initiator: None,
            reason: None,
            seen: Seen::Always,
            close_wait_ms: 0,
        }
    }

    /// We acted first, and these are the acts.
    pub(crate) fn began(self, acts: &[&str]) -> Self {
        self.acted(acts, Some("local"))
    }

    /// The peer acted first, and these are the acts.
    pub(crate) fn followed(self, acts: &[&str]) -> Self {
        self.acted(acts, Some("remote"))
    }

    /// These are the acts.
    pub(crate) fn acted(mut self, acts: &[&str], initiator: Option<&str>) -> Self {
        self.acts = acts.iter().map(|&act| act.to_owned()).collect();
        self.initiator = initiator.map(str::to_owned);
        self
    }

    /// The kernel gives this reason for the RST.
    pub(crate) fn because(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }

    /// Somebody else held and ended it.
    pub(crate) fn by(mut self, owner: Process) -> Self {
        self.owner = Some(owner.clone());
        self.actor = Some(owner);
        self
    }

    /// The kernel answered a segment; no socket and no process was involved.
    pub(crate) fn by_kernel(mut self) -> Self {
        self.owner = None;
        self.actor = None;
        self.seen = Seen::WithAnsweringResets;
        self
    }

    /// The act the ending is told by: the first RST if there is one, else the first act.
    pub(crate) fn decisive(&self) -> Option<(&str, &str)> {
        let resets = |act: &&String| act.starts_with("rst_");
        let act = self
            .acts
            .iter()
            .find(resets)
            .or_else(|| self.acts.first())?;
        act.trim_end_matches('?').split_once('/')
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
