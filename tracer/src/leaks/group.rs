//! Leaked sockets together: by who is to be asked, in what way, and by the lines of code.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use super::{Code, How, Leak, Leaked, Names, Owner, Touch};
use crate::model::flow::Flow;

/// What sockets of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Who is to be asked.
    pub owner: Owner,
    /// In what way they leaked.
    pub leak: Leak,
    /// How they were got, and by which code; `None` when no hook saw it.
    pub got: Option<Line>,
    /// How they were touched last, and by which code, likewise.
    pub last: Option<Line>,
}

/// What was done, and the line of code that did it; `None` where its name is not known.
pub type Line = (How, Option<Code>);

/// Leaked sockets of one holder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// How many.
    pub sockets: u64,
    /// Nanoseconds the oldest has been left over.
    pub oldest_ns: u64,
    /// Whether that is exact; else it is a lower bound.
    pub exact: bool,
    /// Bytes received and not read, of all.
    pub unread: u64,
    /// Bytes written and not acknowledged, of all.
    pub unacked: u64,
    /// One descriptor of them, to begin with; `None` where none was seen.
    pub descriptor: Option<u32>,
    /// The goroutine that touched the oldest last; `None` where that is not known.
    pub goroutine: Option<u64>,
    /// Which of all that leaked they are.
    pub members: Vec<usize>,
    peers: HashMap<(IpAddr, u16), u64>,
}

/// Groups, those with the most sockets first.
#[derive(Clone, Debug, Default)]
pub struct Groups(pub Vec<(Key, Group)>);

impl Groups {
    /// Puts sockets together.
    #[must_use]
    pub fn of(leaked: &[Leaked], names: &Names) -> Self {
        let line = |touch: &Touch| {
            let taken = touch.stack.as_ref();
            (touch.how, taken.and_then(|taken| names.code(taken)))
        };
        let mut groups = BTreeMap::<_, Group>::new();
        for (number, leaked) in leaked.iter().enumerate() {
            let key = Key {
                owner: leaked.owner,
                leak: leaked.leak,
                got: leaked.got.as_ref().map(line),
                last: leaked.last.as_ref().map(line),
            };
            groups.entry(key).or_default().add(number, leaked);
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.sockets));
        Self(groups)
    }

    /// How many sockets leaked.
    #[must_use]
    pub fn sockets(&self) -> u64 {
        self.0.iter().map(|(_, group)| group.sockets).sum()
    }

    /// How many sockets have this in common.
    #[must_use]
    pub fn with(&self, key: &Key) -> u64 {
        let own = self.0.iter().filter(|(it, _)| it == key);
        own.map(|(_, group)| group.sockets).sum()
    }
}

impl Group {
    fn add(&mut self, number: usize, leaked: &Leaked) {
        let socket = &leaked.socket;
        if self.sockets == 0 || leaked.age_ns > self.oldest_ns {
            (self.oldest_ns, self.exact) = (leaked.age_ns, leaked.exact);
            let touch = leaked.last.as_ref().or(leaked.got.as_ref());
            self.goroutine = touch.and_then(|touch| touch.task.goroutine);
        }
        self.sockets += 1;
        self.members.push(number);
        self.unread += u64::from(leaked.unread());
        self.unacked += u64::from(socket.send_queue.unwrap_or(0));
        let first = socket.holders.iter().filter_map(|it| it.fd).min();
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
    pub fn mostly_with(&self) -> Option<(IpAddr, u16, u64)> {
        let most = self
            .peers
            .iter()
            .max_by_key(|(end, count)| (**count, **end));
        most.map(|(&(address, port), &count)| (address, port, count))
    }
}
