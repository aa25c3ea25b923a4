//! The shapes of JSON Lines, schema 1; with `docs/schema/finrst.schema.json` the contract.
//!
//! Shapes borrow from the model and are written straight to the output. Fields are added, never
//! taken away and never given another meaning.

use std::net::{IpAddr, SocketAddr};

use serde::{Serialize, Serializer};

use super::words;
use crate::model::{
    flow::Flow,
    foreign::Foreign,
    observation::{Segment as ModelSegment, SegmentFlags},
    process::{Actor as ModelActor, Comm, Exit as ModelExit, Task as ModelTask},
    socket::{Condition as ModelCondition, FileRefs, SocketId},
    time::MonoNs,
};
pub(super) use text::Text;
use text::{Hex, Id, Name, Word};

pub(super) mod alignment;
mod asked;
pub(super) mod ending;
pub(super) mod event;
mod holding;
pub(super) mod latency;
pub(super) mod leak;
pub(super) mod report;
pub(super) mod run;
pub(super) mod socket;
mod stack;
mod text;
pub(super) mod wire;

/// Version of the contract, on every line.
pub(super) const SCHEMA: u32 = 1;

/// A fact finrst does not collect yet: always `null`.
type NotYet = ();

/// What every line begins with.
#[derive(Serialize)]
pub(super) struct Head<T> {
    schema: u32,
    r#type: Word,
    time: T,
    mono_ns: u64,
}

impl<T: Serialize> Head<T> {
    /// The begin of a line of a type, about a point in time.
    pub(super) const fn new(r#type: &'static str, time: T, at: MonoNs) -> Self {
        Self {
            schema: SCHEMA,
            r#type: Word(r#type),
            time,
            mono_ns: at.0,
        }
    }
}

/// An array whose items get their shape as they are written.
struct Each<'a, T, U> {
    items: &'a [T],
    shape: fn(&'a T) -> U,
}

impl<T, U: Serialize> Serialize for Each<'_, T, U> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.items.iter().map(self.shape))
    }
}

/// Which connection a line is about.
#[derive(Serialize)]
struct Connection<'a, I> {
    id: Option<I>,
    /// Hexadecimal, as `ss -e` shows it after `sk:`.
    cookie: Option<Hex>,
    family: Word,
    local: Option<End>,
    remote: Option<End>,
    netns: Option<u32>,
    netns_name: Option<Name<&'a Foreign>>,
    uid: Option<u32>,
    peer_id: Option<I>,
    after: Option<I>,
}

#[derive(Serialize)]
struct End {
    addr: IpAddr,
    port: u16,
}

fn end(address: SocketAddr) -> End {
    End {
        addr: address.ip(),
        port: address.port(),
    }
}

fn connection<'a, I>(
    id: Option<I>,
    (peer_id, after): (Option<I>, Option<I>),
    socket: Option<SocketId>,
    flow: &Flow,
    netns_name: Option<&'a Foreign>,
    uid: Option<u32>,
) -> Connection<'a, I> {
    let end = |it: SocketAddr| words::end(it).map(end);
    // An end that is not set yet is `::` even where the other one is IPv4.
    let ipv4 = flow.local.is_ipv4() || flow.remote.is_ipv4();
    Connection {
        id,
        cookie: socket.and_then(|socket| socket.cookie).map(Hex),
        family: Word(if ipv4 { "ipv4" } else { "ipv6" }),
        local: end(flow.local),
        remote: end(flow.remote),
        netns: flow.netns,
        netns_name: netns_name.map(Name),
        uid,
        peer_id,
        after,
    }
}

/// Who acted.
#[derive(Serialize)]
struct Actor {
    context: Word,
    pid: Option<u32>,
    tid: Option<u32>,
    comm: Option<Name<Comm>>,
    start_ns: Option<u64>,
    /// Programs of Go only.
    goroutine: Option<u64>,
}

fn actor(actor: &ModelActor) -> Actor {
    let task = words::task(actor);
    Actor {
        context: Word(words::context(actor)),
        pid: task.map(|task| task.pid),
        tid: task.map(|task| task.tid),
        comm: task.map(|task| Name(task.comm)),
        start_ns: task.and_then(|task| task.start_ns),
        goroutine: task.and_then(|task| task.goroutine),
    }
}

/// A process and one thread of it.
#[derive(Serialize)]
struct Task {
    pid: u32,
    tid: u32,
    comm: Text<Comm>,
    process_comm: Text<Comm>,
    start_ns: Option<u64>,
    uid: u32,
    exit: Option<Exit>,
}

/// How a process ended: one of the two.
#[derive(Serialize)]
struct Exit {
    status: Option<u8>,
    signal: Option<u8>,
}

fn task(task: &ModelTask) -> Task {
    Task {
        pid: task.pid,
        tid: task.tid,
        comm: Text(task.comm),
        process_comm: Text(task.process_comm),
        start_ns: task.start_ns,
        uid: task.uid,
        exit: task.exit.map(exit),
    }
}

const fn exit(exit: ModelExit) -> Exit {
    match exit {
        ModelExit::Status(status) => Exit {
            status: Some(status),
            signal: None,
        },
        ModelExit::Signal(signal) => Exit {
            status: None,
            signal: Some(signal),
        },
    }
}

/// The condition of a socket at one moment.
#[derive(Serialize)]
struct Condition {
    unread: Option<u32>,
    unacked: Option<u32>,
    unsent: Option<u32>,
    write_seq: Option<u32>,
    rcv_nxt: Option<u32>,
    orphan: Option<bool>,
    fin_received: Option<bool>,
    linger: Option<Linger>,
    err: Option<u32>,
    rtt_us: Option<u32>,
    bytes_acked: Option<u64>,
    bytes_received: Option<u64>,
    shutdown: Option<Shutdown>,
    file: Option<Word>,
    inode: Option<u32>,
}

/// `SO_LINGER`; the time is `null` when it is off.
#[derive(Serialize)]
struct Linger {
    on: bool,
    jiffies: Option<u32>,
}

#[derive(Serialize)]
struct Shutdown {
    receive: bool,
    send: bool,
}

/// `None` when nothing about the condition is known.
fn condition(condition: &ModelCondition) -> Option<Condition> {
    (*condition != ModelCondition::default()).then(|| Condition {
        unread: condition.unread,
        unacked: condition.unacked,
        unsent: condition.unsent,
        write_seq: condition.write_seq,
        rcv_nxt: condition.rcv_nxt,
        orphan: condition.dead,
        fin_received: condition.fin_received,
        linger: condition.linger.map(|jiffies| Linger {
            on: jiffies.is_some(),
            jiffies,
        }),
        err: condition.err,
        rtt_us: condition.rtt_us,
        bytes_acked: condition.bytes_acked,
        bytes_received: condition.bytes_received,
        shutdown: condition
            .shutdown
            .map(|(receive, send)| Shutdown { receive, send }),
        file: condition.file.map(|file| {
            Word(match file {
                FileRefs::None => "none",
                FileRefs::Held => "held",
                FileRefs::Released => "released",
            })
        }),
        inode: condition.inode,
    })
}

/// The segment an RST answered.
#[derive(Serialize)]
struct Provoker {
    seq: u32,
    ack: u32,
    /// tcpdump's letters.
    flags: Text<SegmentFlags>,
}

const fn provoker(segment: ModelSegment) -> Provoker {
    Provoker {
        seq: segment.seq,
        ack: segment.ack,
        flags: Text(segment.flags),
    }
}
