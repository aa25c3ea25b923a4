//! The shape of an `ending` line.

use serde::Serialize;

use super::{
    Actor, Condition, Connection, Each, Exit, NotYet, Provoker, Text, actor, condition, connection,
    exit, provoker,
};
use crate::{
    model::{
        ending::{
            Act as ModelAct, CloseCall as ModelCloseCall, EndId, Ending as ModelEnding, LetGo,
            Owner as ModelOwner, Transition as ModelTransition,
        },
        foreign::Foreign,
        holder::Holder as ModelHolder,
        identity::{PodUid, ProcessFacts, Runtime},
        process::Comm,
        state::TcpState,
    },
    render::{
        Explained,
        words::{self, ReasonWord},
    },
};

/// Body of an `ending` line.
#[derive(Serialize)]
struct Ending<'a, I> {
    connection: Connection<'a, I>,
    owner: Option<Owner<'a>>,
    holders: Option<Each<'a, ModelHolder, Holder>>,
    held_open_since: Option<HeldOpenSince>,
    actor: Option<Actor>,
    initiator: Option<&'static str>,
    how: Option<&'static str>,
    cause: Option<&'static str>,
    confidence: Option<&'static str>,
    kernel_reason: Option<Text<ReasonWord<'a>>>,
    acts: Each<'a, ModelAct, Act<'a>>,
    explanation: &'a str,
    advice: Option<&'a str>,
    evidence: &'a [String],
    states: Each<'a, ModelTransition, Transition>,
    segments: NotYet,
    close_called: Option<CloseCall>,
    destroyed_mono_ns: Option<u64>,
    fin_retransmits: u32,
    phases_ns: Phases,
    bytes: Bytes,
    rtt_us: Option<u32>,
    stack: NotYet,
    via: Option<&'a str>,
}

/// Who held the socket.
#[derive(Serialize)]
struct Owner<'a> {
    pid: u32,
    tid: u32,
    /// The pid as the process itself sees it.
    namespace_pid: Option<u32>,
    comm: Text<Comm>,
    exe: Option<Text<&'a Foreign>>,
    cmdline: Option<Each<'a, Foreign, Text<&'a Foreign>>>,
    uid: u32,
    cgroup: Option<Text<&'a Foreign>>,
    container: Option<Text<&'a Foreign>>,
    container_runtime: Option<&'static str>,
    pod: Option<&'a str>,
    exit: Option<Exit>,
    start_ns: Option<u64>,
    confidence: &'static str,
    from: &'static str,
}

/// One descriptor that refers to the socket.
#[derive(Serialize)]
pub(super) struct Holder {
    pid: u32,
    fd: Option<u32>,
    comm: Text<Comm>,
    uid: u32,
    start_ns: Option<u64>,
    from: &'static str,
}

/// The last close that ended nothing, before the one that did.
#[derive(Serialize)]
struct HeldOpenSince {
    mono_ns: u64,
    pid: u32,
    tid: u32,
    comm: Text<Comm>,
}

/// One act.
#[derive(Serialize)]
struct Act<'a> {
    mono_ns: u64,
    how: &'static str,
    cause: &'static str,
    confidence: &'static str,
    kernel_reason: Option<Text<ReasonWord<'a>>>,
    actor: Actor,
    call: Option<&'static str>,
    state: Option<&'static str>,
    seq: Option<u32>,
    provoked_by: Option<Provoker>,
    condition: Option<Condition>,
}

#[derive(Serialize)]
struct Transition {
    from: &'static str,
    to: &'static str,
    mono_ns: u64,
}

#[derive(Serialize)]
struct CloseCall {
    mono_ns: u64,
    /// Whether a hook saw the call; else a state change implies it.
    seen: bool,
}

/// Only the total is measured so far.
#[derive(Serialize)]
struct Phases {
    close_to_fin: NotYet,
    fin_to_wire: NotYet,
    fin_to_ack: NotYet,
    fin_wait2: NotYet,
    close_wait: NotYet,
    last_ack: NotYet,
    total: Option<u64>,
}

/// What was left when the decisive act happened, and what was transferred in all.
#[derive(Serialize)]
struct Bytes {
    sent: Option<u64>,
    received: Option<u64>,
    unread: Option<u32>,
    unsent: Option<u32>,
}

pub(in crate::render) fn ending<'a>(
    explained: &Explained<'a>,
    via: Option<&'a str>,
) -> impl Serialize + use<'a> {
    let Explained {
        ending,
        explanation,
        owner: facts,
        netns_name,
    } = *explained;
    let decisive = ending.decisive();
    let id = |id: EndId| Text(words::connection_id(id.socket, id.flow, id.first_seen));
    let own = ending.id();
    let others = (ending.peer.map(id), ending.after.map(id));
    Ending {
        connection: connection(
            Some(id(own)),
            others,
            ending.socket,
            &ending.flow,
            netns_name,
            ending.uid,
        ),
        owner: ending.owner.as_ref().map(|it| owner(it, facts)),
        holders: ending.holders.as_deref().map(|items| Each {
            items,
            shape: holder,
        }),
        held_open_since: ending.let_go.map(held_open_since),
        actor: decisive.map(|act| actor(&act.actor)),
        initiator: ending.initiator().map(words::initiator),
        how: decisive.map(|act| act.how.code()),
        cause: decisive.map(|act| act.cause.code()),
        confidence: decisive.map(|act| words::confidence(act.confidence)),
        kernel_reason: decisive.and_then(kernel_reason),
        acts: Each {
            items: &ending.acts,
            shape: act,
        },
        explanation: &explanation.text,
        advice: (!explanation.advice.is_empty()).then_some(explanation.advice),
        evidence: &explanation.evidence,
        states: Each {
            items: &ending.states,
            shape: transition,
        },
        segments: (),
        close_called: ending.close_called.map(close_call),
        destroyed_mono_ns: ending.destroyed.map(|at| at.0),
        fin_retransmits: ending.fin_retransmits,
        phases_ns: phases(ending),
        bytes: bytes(ending),
        rtt_us: ending.condition.rtt_us,
        stack: (),
        via,
    }
}

fn owner<'a>(owner: &ModelOwner, facts: Option<&'a ProcessFacts>) -> Owner<'a> {
    let task = &owner.task;
    let container = facts.and_then(|facts| facts.container.as_ref());
    Owner {
        pid: task.pid,
        tid: task.tid,
        namespace_pid: facts.and_then(ProcessFacts::namespace_pid),
        comm: Text(task.process_comm),
        exe: facts.and_then(|facts| facts.exe.as_ref()).map(Text),
        cmdline: facts
            .and_then(|facts| facts.cmdline.as_deref())
            .map(|items| Each { items, shape: Text }),
        uid: task.uid,
        cgroup: facts.and_then(|facts| facts.cgroup.as_ref()).map(Text),
        container: container.map(|container| Text(&container.id)),
        container_runtime: container.and_then(|it| it.runtime).map(Runtime::code),
        pod: facts
            .and_then(|facts| facts.pod.as_ref())
            .map(|PodUid(uid)| uid.as_str()),
        exit: task.exit.map(exit),
        start_ns: task.start_ns,
        confidence: words::confidence(owner.confidence),
        from: owner.from.code(),
    }
}

pub(super) const fn holder(holder: &ModelHolder) -> Holder {
    Holder {
        pid: holder.pid,
        fd: holder.fd,
        comm: Text(holder.comm),
        uid: holder.uid,
        start_ns: holder.start_ns,
        from: holder.from.code(),
    }
}

const fn held_open_since(let_go: LetGo) -> HeldOpenSince {
    HeldOpenSince {
        mono_ns: let_go.at.0,
        pid: let_go.task.pid,
        tid: let_go.task.tid,
        comm: Text(let_go.task.process_comm),
    }
}

fn act(act: &ModelAct) -> Act<'_> {
    Act {
        mono_ns: act.at.0,
        how: act.how.code(),
        cause: act.cause.code(),
        confidence: words::confidence(act.confidence),
        kernel_reason: kernel_reason(act),
        actor: actor(&act.actor),
        call: act.call.map(words::call),
        state: act.state.map(TcpState::name),
        seq: act.seq,
        provoked_by: act.provoked_by.map(provoker),
        condition: condition(&act.condition),
    }
}

fn kernel_reason(act: &ModelAct) -> Option<Text<ReasonWord<'_>>> {
    act.reason.as_ref().map(|reason| Text(ReasonWord(reason)))
}

const fn transition(transition: &ModelTransition) -> Transition {
    Transition {
        from: transition.from.name(),
        to: transition.to.name(),
        mono_ns: transition.at.0,
    }
}

const fn close_call(call: ModelCloseCall) -> CloseCall {
    CloseCall {
        mono_ns: call.at.0,
        seen: call.seen,
    }
}

fn phases(ending: &ModelEnding) -> Phases {
    Phases {
        close_to_fin: (),
        fin_to_wire: (),
        fin_to_ack: (),
        fin_wait2: (),
        close_wait: (),
        last_ack: (),
        total: words::since_close(ending),
    }
}

fn bytes(ending: &ModelEnding) -> Bytes {
    let then = ending.decisive().map(|act| &act.condition);
    let last = &ending.condition;
    Bytes {
        sent: last.bytes_acked,
        received: last.bytes_received,
        unread: then.and_then(|then| then.unread).or(last.unread),
        unsent: then.and_then(|then| then.unsent).or(last.unsent),
    }
}
