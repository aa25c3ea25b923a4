//! The shape of an `event` line: one thing the kernel did.

use serde::Serialize;

use super::{
    Actor, Condition, Connection, Hex, NotYet, Provoker, Task, Text, actor, condition, connection,
    provoker, task, wire::direction,
};
use crate::{
    model::{
        foreign::Foreign,
        observation::{HeldBack as ModelHeldBack, Observation, SegmentFlags, What},
        reason::Reason,
        segment::Passed,
        socket::Socket,
        stack::Addresses,
        state::TcpState,
    },
    render::words::{self, ReasonWord},
    tally::kind_of,
};

/// Body of an `event` line.
#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "event")]
    name: &'static str,
    cpu: u16,
    cpu_seq: u64,
    actor: Actor,
    /// `null` for events about a process.
    connection: Option<Connection<'static, NotYet>>,
    /// State at the event, before a transition.
    state: Option<&'static str>,
    condition: Option<Condition>,
    #[serde(flatten)]
    detail: Detail<'a>,
}

/// What only some kinds of event have.
#[derive(Serialize)]
#[serde(untagged)]
enum Detail<'a> {
    Nothing {},
    Shutdown {
        send: bool,
        receive: bool,
    },
    Fin {
        seq: Option<u32>,
        unsent: Option<u32>,
    },
    Reset {
        kernel_reason: Option<Text<ReasonWord<'a>>>,
    },
    Answer {
        kernel_reason: Option<Text<ReasonWord<'a>>>,
        provoked_by: Provoker,
    },
    Transition {
        from: &'static str,
        to: &'static str,
        held_back: HeldBack,
    },
    Retransmission {
        seq: u32,
    },
    Destruction {
        held_back: HeldBack,
    },
    Acceptance {
        cookie: Option<Hex>,
        inode: Option<u32>,
    },
    HeldOpen {
        inode: Option<u32>,
        references: u32,
    },
    Queueing {
        cookie: Option<Hex>,
        listener_cookie: Option<Hex>,
    },
    Sighting(Box<Sighting>),
    Stack {
        cookie: Option<Hex>,
        of_seq: u64,
        kernel_frames: Option<usize>,
        user_frames: Option<usize>,
    },
    Process {
        task: Task,
    },
    Fork {
        task: Task,
        child: Child,
    },
}

/// What was held back until the owner was known.
#[derive(Serialize)]
struct HeldBack {
    fin_received_mono_ns: Option<u64>,
    rst_received_mono_ns: Option<u64>,
}

/// A segment that passed a device.
#[derive(Serialize)]
struct Sighting {
    direction: Option<&'static str>,
    device: Option<Text<Foreign>>,
    device_index: u32,
    vlan: Option<u16>,
    flags: Text<SegmentFlags>,
    seq: u32,
    ack: u32,
    payload_bytes: u32,
    window: u16,
    cookie: Option<Hex>,
}

#[derive(Serialize)]
struct Child {
    pid: u32,
    tid: u32,
}

/// An event; `reason` is what its reason code means, where it has one.
pub(in crate::render) fn event<'a>(
    event: &Observation,
    reason: Option<&'a Reason>,
) -> impl Serialize + use<'a> {
    let what = &event.what;
    Event {
        name: kind_of(what).name(),
        cpu: event.cpu,
        cpu_seq: event.seq,
        actor: actor(&event.actor),
        connection: on_connection(what),
        state: words::state(what).map(TcpState::name),
        condition: words::condition(what).and_then(condition),
        detail: detail(what, reason.map(|reason| Text(ReasonWord(reason)))),
    }
}

/// An event does not know when its connection began, so it has no `id`.
fn on_connection(what: &What) -> Option<Connection<'static, NotYet>> {
    if let What::SegmentSeen(Passed { flow, .. }) = what {
        return Some(connection(None, (None, None), None, flow, None, None));
    }
    if let What::RstAnswered { flow, socket, .. } = what {
        return Some(connection(None, (None, None), *socket, flow, None, None));
    }
    let &Socket { id, flow, uid, .. } = what.socket()?;
    Some(connection(None, (None, None), Some(id), &flow, None, uid))
}

fn frames(side: &Addresses) -> Option<usize> {
    match side {
        Addresses::Frames(frames) => Some(frames.len()),
        Addresses::NotAsked | Addresses::Failed(_) => None,
    }
}

fn detail<'a>(what: &What, kernel_reason: Option<Text<ReasonWord<'a>>>) -> Detail<'a> {
    match what {
        What::CloseCalled { .. } | What::CloseAsked { .. } | What::RstReceived { .. } => {
            Detail::Nothing {}
        }
        &What::ShutdownCalled { send, receive, .. } => Detail::Shutdown { send, receive },
        &What::FinQueued { seq, unsent, .. } => Detail::Fin { seq, unsent },
        What::RstSent { .. } => Detail::Reset { kernel_reason },
        What::RstAnswered { provoked_by, .. } => Detail::Answer {
            kernel_reason,
            provoked_by: provoker(*provoked_by),
        },
        What::StateChanged {
            held_back: held,
            from,
            to,
            ..
        } => Detail::Transition {
            from: from.name(),
            to: to.name(),
            held_back: held_back(held),
        },
        &What::FinRetransmitted { seq, .. } => Detail::Retransmission { seq },
        What::Destroyed {
            held_back: held, ..
        } => Detail::Destruction {
            held_back: held_back(held),
        },
        &What::Accepted { socket, inode } => Detail::Acceptance {
            cookie: socket.cookie.map(Hex),
            inode,
        },
        &What::HeldOpen {
            inode, references, ..
        } => Detail::HeldOpen { inode, references },
        &What::Queued { socket, listener } => Detail::Queueing {
            cookie: socket.cookie.map(Hex),
            listener_cookie: listener.cookie.map(Hex),
        },
        What::SegmentSeen(passed) => Detail::Sighting(Box::new(sighting(passed))),
        What::Stack(taken) => Detail::Stack {
            cookie: taken.socket.cookie.map(Hex),
            of_seq: taken.of_seq,
            kernel_frames: frames(&taken.kernel),
            user_frames: frames(&taken.user),
        },
        What::ProcessExited { task: it } | What::ProcessExeced { task: it } => {
            Detail::Process { task: task(it) }
        }
        What::ProcessForked {
            parent,
            child_pid,
            child_tid,
        } => Detail::Fork {
            task: task(parent),
            child: Child {
                pid: *child_pid,
                tid: *child_tid,
            },
        },
    }
}

fn sighting(passed: &Passed) -> Sighting {
    Sighting {
        direction: direction(passed.direction),
        device: passed.name.clone().map(Text),
        device_index: passed.device,
        vlan: passed.vlan,
        flags: Text(passed.flags),
        seq: passed.seq,
        ack: passed.ack,
        payload_bytes: passed.payload_bytes,
        window: passed.window,
        cookie: passed.cookie.map(Hex),
    }
}

fn held_back(held: &ModelHeldBack) -> HeldBack {
    HeldBack {
        fin_received_mono_ns: held.fin_received.map(|at| at.0),
        rst_received_mono_ns: held.rst_received.map(|at| at.0),
    }
}
