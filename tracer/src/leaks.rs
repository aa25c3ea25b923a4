//! Sockets that somebody forgot: what a look at the machine says of them, grouped by who holds them.

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroU64,
};

use crate::model::{
    flow::Flow,
    holder::{Holder, only_process},
    known::KnownSocket,
    process::Comm,
    state::TcpState,
    time::MonoNs,
};

pub mod ports;

/// In what way a connection is left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leak {
    /// The peer closed, and the program has not: `CLOSE_WAIT`.
    NotClosed,
    /// The program shut its side down and holds on, and the peer has not closed: `FIN_WAIT2` with a
    /// file. No timer of the kernel's ends it.
    HalfClosed,
    /// The program shut its side down and holds on, and its FIN is not acknowledged: `FIN_WAIT1` or
    /// `CLOSING` with a file.
    NotAcknowledged,
    /// Nobody holds it any more, and it is not gone: `FIN_WAIT1`, `FIN_WAIT2`, `CLOSING` or
    /// `LAST_ACK` without a file. The kernel gives it up in the end.
    Orphaned,
}

impl Leak {
    /// In what way a socket is left over, if it is.
    #[must_use]
    pub const fn of(socket: &KnownSocket) -> Option<Self> {
        let held = socket.is_held();
        match socket.state {
            TcpState::CloseWait => Some(Self::NotClosed),
            TcpState::FinWait2 if held => Some(Self::HalfClosed),
            TcpState::FinWait1 | TcpState::Closing if held => Some(Self::NotAcknowledged),
            TcpState::FinWait1 | TcpState::FinWait2 | TcpState::Closing | TcpState::LastAck => {
                Some(Self::Orphaned)
            }
            TcpState::Established
            | TcpState::SynSent
            | TcpState::SynRecv
            | TcpState::NewSynRecv
            | TcpState::TimeWait
            | TcpState::Close
            | TcpState::Listen => None,
        }
    }

    /// Its name in output.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotClosed => "not_closed",
            Self::HalfClosed => "half_closed",
            Self::NotAcknowledged => "not_acknowledged",
            Self::Orphaned => "orphaned",
        }
    }
}

/// Who holds leaked sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// One process alone, of this id and name.
    Process(u32, [u8; 16]),
    /// Several processes share them.
    Several,
    /// Somebody who was not seen.
    Unseen,
    /// Nobody: an orphan.
    Nobody,
}

impl Owner {
    fn of(socket: &KnownSocket) -> Self {
        match only_process(&socket.holders) {
            Some(holder) => Self::Process(holder.pid, holder.comm.0),
            None if !socket.holders.is_empty() => Self::Several,
            None if socket.is_held() => Self::Unseen,
            None => Self::Nobody,
        }
    }

    /// The process and its name, where it is one.
    #[must_use]
    pub const fn process(self) -> Option<(u32, Comm)> {
        match self {
            Self::Process(pid, comm) => Some((pid, Comm(comm))),
            Self::Several | Self::Unseen | Self::Nobody => None,
        }
    }
}

/// Leaked sockets of one holder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// How many.
    pub sockets: u64,
    /// Nanoseconds the oldest has been in its state at the least; `None` where nothing tells.
    pub oldest_ns: Option<u64>,
    /// Bytes received and not read, of all.
    pub unread: u64,
    /// Bytes written and not acknowledged, of all.
    pub unacked: u64,
    /// One descriptor of it, to begin with; `None` where none was seen.
    pub descriptor: Option<u32>,
    peers: HashMap<(std::net::IpAddr, u16), u64>,
}

impl Group {
    fn add(&mut self, socket: &KnownSocket, age_ns: Option<u64>) {
        self.sockets += 1;
        self.oldest_ns = self.oldest_ns.max(age_ns);
        self.unread += u64::from(socket.receive_queue);
        self.unacked += u64::from(socket.send_queue.unwrap_or(0));
        let first = socket.holders.iter().filter_map(|it: &Holder| it.fd).min();
        self.descriptor = self.descriptor.or(first);
        let Flow { local, remote, .. } = socket.flow;
        // The service is the end whose port does not change: the lower one.
        let service = if local.port() < remote.port() {
            (remote.ip(), 0)
        } else {
            (remote.ip(), remote.port())
        };
        *self.peers.entry(service).or_default() += 1;
    }

    /// The other end that most have, and how many; its port is zero where this end is the service.
    #[must_use]
    pub fn mostly_with(&self) -> Option<(std::net::IpAddr, u16, u64)> {
        let most = self
            .peers
            .iter()
            .max_by_key(|(end, count)| (**count, **end));
        most.map(|(&(address, port), &count)| (address, port, count))
    }
}

/// Leaked sockets by holder, the most first.
pub type Groups = Vec<((Owner, Leak), Group)>;

/// What one look found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Those that are older than asked for.
    pub groups: Groups,
    /// Sockets in such a state that are younger, or of which nothing tells how old they are.
    pub younger: u64,
    /// Of these, those nothing tells of.
    pub ageless: u64,
}

impl Found {
    /// How many sockets leaked.
    #[must_use]
    pub fn sockets(&self) -> u64 {
        self.groups.iter().map(|(_, group)| group.sockets).sum()
    }

    /// How many sockets of a holder leaked in some way.
    #[must_use]
    pub fn of(&self, key: (Owner, Leak)) -> u64 {
        let own = self.groups.iter().filter(|(it, _)| *it == key);
        own.map(|(_, group)| group.sockets).sum()
    }
}

/// Looks, one after the other: what was there before is as old as that at the least.
#[derive(Debug)]
pub struct Looks {
    older_than_ns: u64,
    /// When a socket was first seen in a state.
    seen: HashMap<(NonZeroU64, TcpState), MonoNs>,
}

impl Looks {
    /// None yet; only what has been in its state for this long counts.
    #[must_use]
    pub fn new(older_than_ns: u64) -> Self {
        Self {
            older_than_ns,
            seen: HashMap::new(),
        }
    }

    /// Takes in what a look found, at some time.
    pub fn take(&mut self, sockets: &[KnownSocket], at: MonoNs) -> Found {
        let mut groups = BTreeMap::<_, Group>::new();
        let mut found = Found::default();
        let mut seen = HashMap::new();
        for socket in sockets {
            let Some(leak) = Leak::of(socket) else {
                continue;
            };
            let key = socket.cookie.map(|cookie| (cookie, socket.state));
            let since = key.map(|key| *seen.entry(key).or_insert_with(|| self.since(key, at)));
            let watched = since.map(|since| at.since(since)).filter(|ns| *ns > 0);
            let age_ns = socket.in_state_ns.max(watched);
            match age_ns {
                Some(ns) if ns >= self.older_than_ns => {
                    let key = (Owner::of(socket), leak);
                    groups.entry(key).or_default().add(socket, age_ns);
                }
                _ => {
                    found.younger += 1;
                    found.ageless += u64::from(age_ns.is_none());
                }
            }
        }
        self.seen = seen;
        found.groups = groups.into_iter().collect();
        found
            .groups
            .sort_by_key(|(_, group)| std::cmp::Reverse(group.sockets));
        found
    }

    fn since(&self, key: (NonZeroU64, TcpState), at: MonoNs) -> MonoNs {
        self.seen.get(&key).copied().unwrap_or(at)
    }
}

#[cfg(test)]
mod tests;
