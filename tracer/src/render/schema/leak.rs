//! The shapes of `leak` and `leaks` lines: connections that somebody forgot.

use std::net::IpAddr;

use serde::Serialize;

use super::{
    Each, End, Text, end,
    stack::{self, Frame},
};
use crate::{
    leaks::{
        Found, How, Leak as Kind, Leaked as ModelLeaked, Names, Owner as Holder,
        Touch as ModelTouch,
        group::{Group, Key, Line},
        ports::{Nearest as ModelNearest, Owed as ModelOwed, Ports},
    },
    model::{
        foreign::Foreign,
        holder::Holder as ModelDescriptor,
        process::{Comm, Confidence},
        stack::Frame as ModelFrame,
    },
};

/// Body of a `leak` line: the sockets of one holder.
#[derive(Serialize)]
struct Leak<'a> {
    #[serde(rename = "leak")]
    kind: &'static str,
    held_by: &'static str,
    process: Option<Process>,
    sockets: u64,
    oldest_at_least_ns: u64,
    oldest_exact: bool,
    got: Option<Place<'a>>,
    touched: Option<Place<'a>>,
    goroutine: Option<u64>,
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

/// What was done, and by which code.
#[derive(Serialize)]
struct Place<'a> {
    how: &'static str,
    function: Option<Text<&'a Foreign>>,
    file: Option<Text<&'a Foreign>>,
    line: Option<u32>,
}

fn place((how, code): &Line) -> Place<'_> {
    Place {
        how: How::code(*how),
        function: code.as_ref().map(|code| Text(&code.function)),
        file: code.as_ref().and_then(|code| code.file.as_ref()).map(Text),
        line: code.as_ref().and_then(|code| code.line),
    }
}

const fn held_by(owner: Holder, leak: Kind) -> &'static str {
    match (owner, leak) {
        (Holder::Nobody, _) | (_, Kind::Orphaned | Kind::NotAccepted) => "nobody",
        (Holder::Process(..), _) => "process",
        (Holder::Several, _) => "several",
        (Holder::Unseen, _) => "unseen",
    }
}

const fn process((pid, comm): (u32, Comm)) -> Process {
    Process {
        pid,
        comm: Text(comm),
    }
}

pub(in crate::render) fn leak<'a>(
    key: &'a Key,
    group: &Group,
    per_minute: Option<f64>,
) -> impl Serialize + use<'a> {
    Leak {
        kind: key.leak.code(),
        held_by: held_by(key.owner, key.leak),
        process: key.owner.process().map(process),
        sockets: group.sockets,
        oldest_at_least_ns: group.oldest_ns,
        oldest_exact: group.exact,
        got: key.got.as_ref().map(place),
        touched: key.last.as_ref().map(place),
        goroutine: group.goroutine,
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

/// Body of a `leaked` line: one socket.
#[derive(Serialize)]
struct Leaked<'a> {
    #[serde(rename = "leak")]
    kind: &'static str,
    held_by: &'static str,
    process: Option<Process>,
    local: End,
    remote: End,
    netns: Option<u32>,
    state: &'static str,
    descriptors: Each<'a, ModelDescriptor, Descriptor>,
    at_least_ns: u64,
    exact: bool,
    unread_bytes: u32,
    unacked_bytes: Option<u32>,
    unsent_bytes: Option<u32>,
    got: Option<Touch<'a>>,
    touched: Option<Touch<'a>>,
}

#[derive(Serialize)]
struct Descriptor {
    pid: u32,
    comm: Text<Comm>,
    fd: Option<u32>,
}

/// One thing a task did with a socket.
#[derive(Serialize)]
struct Touch<'a> {
    how: &'static str,
    mono_ns: u64,
    process: Process,
    tid: u32,
    goroutine: Option<u64>,
    stack: Option<Each<'a, ModelFrame, Frame<'a>>>,
}

fn touch<'a>(touch: &ModelTouch, names: &'a Names) -> Touch<'a> {
    let taken = touch.stack.as_ref();
    let stack = taken.and_then(|taken| names.of(taken));
    Touch {
        how: touch.how.code(),
        mono_ns: touch.at.0,
        process: process((touch.task.pid, touch.task.process_comm)),
        tid: touch.task.tid,
        goroutine: touch.task.goroutine,
        stack: stack.and_then(|it| stack::frames(&it.user)),
    }
}

pub(in crate::render) fn leaked<'a>(
    leaked: &'a ModelLeaked,
    names: &'a Names,
) -> impl Serialize + use<'a> {
    let socket = &leaked.socket;
    Leaked {
        kind: leaked.leak.code(),
        held_by: held_by(leaked.owner, leaked.leak),
        process: leaked.owner.process().map(process),
        local: end(socket.flow.local),
        remote: end(socket.flow.remote),
        netns: socket.flow.netns,
        state: socket.state.name(),
        descriptors: Each {
            items: &socket.holders,
            shape: |holder| Descriptor {
                pid: holder.pid,
                comm: Text(holder.comm),
                fd: holder.fd,
            },
        },
        at_least_ns: leaked.age_ns,
        exact: leaked.exact,
        unread_bytes: leaked.unread(),
        unacked_bytes: socket.send_queue,
        unsent_bytes: socket.traffic.map(|it| it.unsent),
        got: leaked.got.as_ref().map(|it| touch(it, names)),
        touched: leaked.last.as_ref().map(|it| touch(it, names)),
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
    time_wait_ephemeral: Option<u64>,
    time_wait_owed: Option<Each<'a, ModelOwed, Owed>>,
    ephemeral: Option<Nearest>,
}

#[derive(Serialize)]
struct Service {
    port: u16,
    sockets: u64,
}

/// What closing first left a process with.
#[derive(Serialize)]
struct Owed {
    process: Option<Process>,
    confidence: &'static str,
    sockets: u64,
}

fn owed(owed: &ModelOwed) -> Owed {
    Owed {
        process: owed.process.map(process),
        confidence: match owed.confidence {
            Confidence::Exact => "exact",
            Confidence::Likely => "likely",
            Confidence::Unknown => "unknown",
        },
        sockets: owed.sockets,
    }
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
    sockets: u64,
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
        sockets,
        younger: found.younger,
        ageless: found.ageless,
        time_wait: ports.map(|ports| ports.time_wait),
        time_wait_of_services: ports.map(|ports| Each {
            items: &ports.of_services,
            shape: |&(port, sockets)| Service { port, sockets },
        }),
        time_wait_ephemeral: ports.map(|ports| ports.ephemeral),
        time_wait_owed: ports.map(|ports| Each {
            items: &ports.owed,
            shape: owed,
        }),
        ephemeral: ports.and_then(|ports| ports.nearest).map(nearest),
    }
}
