//! The shape of an `ending` line.

use serde::{Serialize, Serializer};

use super::{
    Actor, Condition, Connection, Each, Id, Provoker, Text, Word, actor,
    asked::{Asked, asked},
    condition, connection,
    holding::{HeldOpenSince, Holder, Owner, held_open_since, holder, owner},
    provoker,
    stack::{Stack, stack},
    wire::segment,
};
use crate::{
    model::{
        ending::{
            Act as ModelAct, CloseCall as ModelCloseCall, Ending as ModelEnding,
            Transition as ModelTransition,
        },
        explained::Evidence,
        holder::Holder as ModelHolder,
    },
    render::{
        Explained,
        time::WallClock,
        words::{self, ReasonWord},
    },
};

/// Body of an `ending` line.
#[derive(Serialize)]
struct Ending<'a, S> {
    connection: Connection<'a, Id>,
    owner: Option<Owner<'a>>,
    holders: Option<Each<'a, ModelHolder, Holder>>,
    held_open_since: Option<HeldOpenSince>,
    asked: Option<Asked<'a>>,
    actor: Option<Actor>,
    initiator: Option<Word>,
    initiator_proof: Option<Word>,
    how: Option<Word>,
    cause: Option<Word>,
    confidence: Option<Word>,
    kernel_reason: Option<Text<ReasonWord<'a>>>,
    acts: Acts<'a>,
    explanation: &'a str,
    advice: Option<&'a str>,
    evidence: Facts<'a>,
    states: Each<'a, ModelTransition, Transition>,
    segments: Option<Vec<S>>,
    close_called: Option<CloseCall>,
    destroyed_mono_ns: Option<u64>,
    fin_retransmits: u32,
    phases_ns: Phases,
    bytes: Bytes,
    rtt_us: Option<u32>,
    stack: Option<Stack<'a>>,
    via: Option<&'a str>,
}

/// One act.
#[derive(Serialize)]
struct Act<'a> {
    mono_ns: u64,
    how: Word,
    cause: Word,
    confidence: Word,
    kernel_reason: Option<Text<ReasonWord<'a>>>,
    actor: Actor,
    call: Option<Word>,
    state: Option<Word>,
    seq: Option<u32>,
    provoked_by: Option<Provoker>,
    condition: Option<Condition>,
    /// `null` also where the ending's own `stack` is this act's.
    stack: Option<Stack<'a>>,
}

#[derive(Serialize)]
struct Transition {
    from: Word,
    to: Word,
    mono_ns: u64,
}

#[derive(Serialize)]
struct CloseCall {
    mono_ns: u64,
    /// Whether a hook saw the call; else a state change implies it.
    seen: bool,
}

/// How long each phase took, in nanoseconds.
#[derive(Serialize)]
struct Phases {
    close_to_fin: Option<u64>,
    fin_to_wire: Option<u64>,
    fin_to_ack: Option<u64>,
    close_blocked: Option<u64>,
    fin_wait2: Option<u64>,
    close_wait: Option<u64>,
    last_ack: Option<u64>,
    close_to_rst: Option<u64>,
    rst_to_wire: Option<u64>,
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
    clock: &'a WallClock,
) -> impl Serialize + use<'a> {
    let Explained {
        ending,
        explanation,
        owner: facts,
        netns_name,
        stacks: _,
        asked: by,
        devices,
    } = *explained;
    let (decisive, first) = (ending.decisive(), ending.first_to_act());
    let own = ending.id();
    let others = (ending.peer.map(Id), ending.after.map(Id));
    Ending {
        connection: connection(
            Some(Id(own)),
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
        asked: ending.asked.as_ref().map(|it| asked(it, by)),
        actor: decisive.map(|act| actor(&act.actor)),
        initiator: first.map(|first| Word(words::initiator(first.who))),
        initiator_proof: first.map(|first| Word(first.proof.code())),
        how: decisive.map(|act| Word(act.how.code())),
        cause: decisive.map(|act| Word(act.cause.code())),
        confidence: decisive.map(|act| Word(words::confidence(act.confidence))),
        kernel_reason: decisive.and_then(kernel_reason),
        acts: Acts(*explained),
        explanation: &explanation.text,
        advice: (!explanation.advice.is_empty()).then_some(explanation.advice),
        evidence: Facts(&explanation.evidence),
        states: Each {
            items: &ending.states,
            shape: transition,
        },
        segments: ending.segments.as_ref().map(|segments| {
            let segments = segments.iter();
            segments.map(|it| segment(it, devices, clock)).collect()
        }),
        close_called: ending.close_called.map(close_call),
        destroyed_mono_ns: ending.destroyed.map(|at| at.0),
        fin_retransmits: ending.fin_retransmits,
        phases_ns: phases(ending),
        bytes: bytes(ending),
        rtt_us: ending.condition.rtt_us,
        stack: explained.stack().map(|(act, it)| stack(act, it)),
        via,
    }
}

/// The facts behind an ending.
struct Facts<'a>(&'a Evidence);

impl Serialize for Facts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

/// The acts, each with its stack where the ending itself does not have it.
struct Acts<'a>(Explained<'a>);

impl Serialize for Acts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(explained) = self;
        let told = explained.stack().map(|(told, _)| told);
        let acts = explained.ending.acts.iter().enumerate();
        let shape = |(index, it)| {
            let own = explained.stacks.get(index).and_then(Option::as_ref);
            let own = own.filter(|_| told != Some(index));
            act(it, own.map(|own| stack(index, own)))
        };
        serializer.collect_seq(acts.map(shape))
    }
}

fn act<'a>(act: &'a ModelAct, stack: Option<Stack<'a>>) -> Act<'a> {
    Act {
        mono_ns: act.at.0,
        how: Word(act.how.code()),
        cause: Word(act.cause.code()),
        confidence: Word(words::confidence(act.confidence)),
        kernel_reason: kernel_reason(act),
        actor: actor(&act.actor),
        call: act.call.map(|call| Word(words::call(call))),
        state: act.state.map(|state| Word(state.name())),
        seq: act.seq,
        provoked_by: act.provoked_by.map(provoker),
        condition: condition(&act.condition),
        stack,
    }
}

fn kernel_reason(act: &ModelAct) -> Option<Text<ReasonWord<'_>>> {
    act.reason.as_ref().map(|reason| Text(ReasonWord(reason)))
}

const fn transition(transition: &ModelTransition) -> Transition {
    Transition {
        from: Word(transition.from.name()),
        to: Word(transition.to.name()),
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
    let phases = ending.phases();
    Phases {
        close_to_fin: phases.close_to_fin,
        fin_to_wire: phases.fin_to_wire,
        fin_to_ack: phases.fin_to_ack,
        close_blocked: phases.close_blocked,
        fin_wait2: phases.fin_wait2,
        close_wait: phases.close_wait,
        last_ack: phases.last_ack,
        close_to_rst: phases.close_to_rst,
        rst_to_wire: phases.rst_to_wire,
        total: phases.total,
    }
}

fn bytes(ending: &ModelEnding) -> Bytes {
    let then = ending.decisive().map(|act| &act.condition);
    let (last, payload) = (&ending.condition, ending.payload());
    Bytes {
        sent: payload.sent,
        received: payload.received,
        unread: then.and_then(|then| then.unread).or(last.unread),
        unsent: then.and_then(|then| then.unsent).or(last.unsent),
    }
}
