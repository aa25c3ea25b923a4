//! The shapes of `leak` and `leaks` lines: connections that somebody forgot.

use std::net::IpAddr;

use serde::Serialize;

use super::{Each, End, Text, end};
use crate::{
    leaks::{
        Found, Group, Leak as Kind, Owner as Holder,
        ports::{Nearest as ModelNearest, Ports},
    },
    model::process::Comm,
};

/// Body of a `leak` line: the sockets of one holder.
#[derive(Serialize)]
struct Leak {
    #[serde(rename = "leak")]
    kind: &'static str,
    held_by: &'static str,
    process: Option<Process>,
    sockets: u64,
    oldest_at_least_ns: Option<u64>,
    unread_bytes: u64,
    unacked_bytes: u64,
    descriptor: Option<u32>,
    mostly_with: Option<Peer>,
    per_minute: Option<f64>,
}

#[derive(Serialize)]
struct Process {
    pid: u32,
    comm: Text<Comm>,
}

#[derive(Serialize)]
struct Peer {
    addr: IpAddr,
    port: Option<u16>,
    sockets: u64,
}

pub(in crate::render) fn leak(
    (owner, kind): (Holder, Kind),
    group: &Group,
    per_minute: Option<f64>,
) -> impl Serialize + use<> {
    Leak {
        kind: kind.code(),
        held_by: match owner {
            Holder::Process(..) => "process",
            Holder::Several => "several",
            Holder::Unseen => "unseen",
            Holder::Nobody => "nobody",
        },
        process: owner.process().map(|(pid, comm)| Process {
            pid,
            comm: Text(comm),
        }),
        sockets: group.sockets,
        oldest_at_least_ns: group.oldest_ns,
        unread_bytes: group.unread,
        unacked_bytes: group.unacked,
        descriptor: group.descriptor,
        mostly_with: group.mostly_with().map(|(addr, port, sockets)| Peer {
            addr,
            port: (port > 0).then_some(port),
            sockets,
        }),
        per_minute,
    }
}

/// Body of a `leaks` line: one look.
#[derive(Serialize)]
struct Leaks<'a> {
    sockets: u64,
    younger: u64,
    ageless: u64,
    time_wait: Option<u64>,
    time_wait_of_services: Option<Each<'a, (u16, u64), Service>>,
    ephemeral: Option<Nearest>,
}

#[derive(Serialize)]
struct Service {
    port: u16,
    sockets: u64,
}

/// The destination to which most ephemeral ports are taken.
#[derive(Serialize)]
struct Nearest {
    local: IpAddr,
    remote: End,
    taken: u64,
    time_wait: u64,
    range: u64,
}

pub(in crate::render) fn leaks<'a>(
    found: &Found,
    ports: Option<&'a Ports>,
) -> impl Serialize + use<'a> {
    let nearest = |it: ModelNearest| Nearest {
        local: it.local,
        remote: end(it.remote),
        taken: it.taken,
        time_wait: it.time_wait,
        range: it.range,
    };
    Leaks {
        sockets: found.sockets(),
        younger: found.younger,
        ageless: found.ageless,
        time_wait: ports.map(|ports| ports.time_wait),
        time_wait_of_services: ports.map(|ports| Each {
            items: &ports.of_services,
            shape: |&(port, sockets)| Service { port, sockets },
        }),
        ephemeral: ports.and_then(|ports| ports.nearest).map(nearest),
    }
}
