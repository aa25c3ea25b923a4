//! One socket: what was seen of its life so far, and when that is ready to be told.

use std::num::NonZeroU64;

use super::{Limits, facts, listeners::Listener, peers::Life};
use crate::model::{
    ending::{Act, Asked, Call, CloseCall, EndId, Former, How, LetGo, Owner, Transition},
    flow::Flow,
    process::Actor,
    socket::{Condition, Socket, SocketId},
    stack::StackId,
    state::TcpState,
    time::MonoNs,
};

/// When an event was, and who made it happen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// When.
    pub(super) at: MonoNs,
    /// Who.
    pub(super) actor: Actor,
}

impl Moment {
    /// The thread that acted; `None` for the kernel.
    pub(super) const fn thread(self) -> Option<u32> {
        match self.actor {
            Actor::Task(task) | Actor::KernelThread(task) => Some(task.tid),
            Actor::Softirq | Actor::Unknown => None,
        }
    }
}

/// A call seen on the socket whose consequence may still come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Called {
    /// Which call.
    pub(super) call: Call,
    /// The calling thread.
    pub(super) thread: u32,
    /// Its process.
    pub(super) actor: Actor,
}

/// The transition to `CLOSE`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed {
    /// When and by whom.
    pub(super) moment: Moment,
    /// The state before.
    pub(super) from: TcpState,
    /// The condition before.
    pub(super) condition: Condition,
    /// Whether an application's close made it happen.
    pub(super) by_close: bool,
    /// Whether an ending that includes it was told.
    pub(super) told: bool,
}

/// Everything known of one socket.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, seen or not"
)]
pub(super) struct Tracked {
    pub(super) id: SocketId,
    pub(super) first_seen: MonoNs,
    pub(super) flow: Flow,
    pub(super) uid: Option<u32>,
    pub(super) state: Option<TcpState>,
    pub(super) owner: Option<Owner>,
    /// Cookie of the listener it was made for.
    pub(super) listener_cookie: Option<NonZeroU64>,
    /// The listener whose queue it was in when it began to end.
    pub(super) listener: Option<Listener>,
    /// Closes that ended nothing and were not told yet.
    pub(super) held_open: Vec<Act>,
    /// The last of them, told or not.
    pub(super) let_go: Option<LetGo>,
    /// Who asked for a close that ended nothing yet.
    pub(super) asked: Vec<Asked>,
    pub(super) acts: Vec<Act>,
    pub(super) states: Vec<Transition>,
    pub(super) close_called: Option<CloseCall>,
    pub(super) called: Option<Called>,
    pub(super) closed: Option<Closed>,
    pub(super) fin_sent: bool,
    pub(super) fin_received: bool,
    pub(super) fin_retransmits: u32,
    pub(super) destroyed: Option<Moment>,
    pub(super) condition: Condition,
    pub(super) last_touched: MonoNs,
    /// The act that told it.
    pub(super) told: Option<Former>,
    /// The ending told before, if there was one.
    pub(super) after: Option<EndId>,
    /// The other end of the connection, when it is on this host and was told of or is known.
    pub(super) peer: Option<EndId>,
    /// Whether the ending of another told of it, so that its name stays as it was then.
    pub(super) introduced: bool,
    /// Whether that was before its cookie was known.
    pub(super) nameless: bool,
    /// Whether the flow is among those peers are found by.
    pub(super) found_by_flow: bool,
    /// Stacks whose acts were not told yet.
    pub(super) stacks: Vec<StackId>,
    /// When it is to be told of.
    pub(super) due: Option<MonoNs>,
    /// When that is looked at, not later.
    pub(super) queued: Option<MonoNs>,
    /// Acts and transitions that found no room.
    pub(super) truncated: u64,
}

impl Tracked {
    /// A socket first seen now.
    pub(super) fn new(at: MonoNs, id: SocketId, flow: Flow) -> Self {
        Self {
            id,
            first_seen: at,
            flow,
            uid: None,
            state: None,
            owner: None,
            listener_cookie: None,
            listener: None,
            held_open: Vec::new(),
            let_go: None,
            asked: Vec::new(),
            acts: Vec::new(),
            states: Vec::new(),
            close_called: None,
            called: None,
            closed: None,
            fin_sent: false,
            fin_received: false,
            fin_retransmits: 0,
            destroyed: None,
            condition: Condition::default(),
            last_touched: at,
            told: None,
            after: None,
            peer: None,
            introduced: false,
            nameless: false,
            found_by_flow: false,
            stacks: Vec::new(),
            due: None,
            queued: None,
            truncated: 0,
        }
    }

    /// What its endings go by, and how long it was there.
    ///
    /// What was told once goes by the same name for ever, whatever becomes known later.
    pub(super) fn life(&self) -> Life {
        let cookie = self.id.cookie.filter(|_| !self.nameless);
        let now = EndId {
            socket: Some(SocketId { cookie, ..self.id }),
            flow: self.flow,
            first_seen: self.first_seen,
        };
        Life {
            id: self.after.unwrap_or(now),
            ended: self.destroyed.map(|moment| moment.at),
        }
    }

    /// Whether the kernel had not given it up at a point in time; a late event still belongs to it.
    pub(super) fn is_alive(&self, at: MonoNs) -> bool {
        self.destroyed.is_none_or(|destroyed| at <= destroyed.at)
    }

    /// Whether the kernel gave it up.
    pub(super) const fn is_destroyed(&self) -> bool {
        self.destroyed.is_some()
    }

    /// Takes in what every event says.
    pub(super) fn refresh(&mut self, at: MonoNs, socket: &Socket, condition: &Condition) {
        self.id.cookie = self.id.cookie.or(socket.id.cookie);
        // What is found by its flow is connected: no event changes that any more.
        if !self.found_by_flow {
            self.flow = facts::connected(self.flow, socket.flow);
        }
        self.uid = socket.uid.or(self.uid);
        facts::merge(&mut self.condition, condition);
        self.last_touched = self.last_touched.max(at);
    }

    /// Notes a transition.
    pub(super) fn note(&mut self, transition: Transition, limits: &Limits) {
        if self.states.len() < limits.transitions {
            self.states.push(transition);
        } else {
            self.truncated = self.truncated.saturating_add(1);
        }
        self.state = Some(transition.to);
    }

    /// Puts an act in its place in time.
    pub(super) fn act(&mut self, act: Act, limits: &Limits) {
        // What was held back happened before the socket was seen, and so did what comes late.
        if !self.introduced {
            self.first_seen = self.first_seen.min(act.at);
        }
        if self.acts.len() < limits.acts {
            let place = self.acts.partition_point(|known| known.at <= act.at);
            if self.acts.is_empty() {
                // Most connections end by two, and have room for no more.
                self.acts.reserve_exact(2);
            }
            self.acts.insert(place, act);
        } else {
            self.truncated = self.truncated.saturating_add(1);
        }
    }

    /// Notes the stacks of an act that is, or will be, among its own.
    pub(super) fn stack(&mut self, id: StackId, limits: &Limits) {
        if self.stacks.len() < limits.acts {
            self.stacks.push(id);
        } else {
            self.truncated = self.truncated.saturating_add(1);
        }
    }

    /// Gives acts their stacks: what was taken at the time of an act was taken for it.
    pub(super) fn hand_stacks(&mut self, acts: &mut [Act]) {
        for act in acts {
            let taken = self.stacks.iter().position(|id| id.at == act.at);
            act.stack = taken
                .map(|place| self.stacks.swap_remove(place))
                .or(act.stack);
        }
    }

    /// Whether an RST was sent or received.
    pub(super) fn was_reset(&self) -> bool {
        self.acts
            .iter()
            .any(|act| matches!(act.how, How::RstSent | How::RstReceived))
    }

    /// The state before the kernel closed the socket, if it did; else the state now.
    pub(super) fn state_before_close(&self, now: Option<TcpState>) -> Option<TcpState> {
        match now.or(self.state) {
            Some(TcpState::Close) => self.closed.map(|closed| closed.from),
            state => state,
        }
    }

    /// How it ended, as far as is known now.
    pub(super) fn ended(&self) -> Option<Former> {
        let reset = |act: &&Act| matches!(act.how, How::RstSent | How::RstReceived);
        let act = self.acts.iter().find(reset).or(self.acts.first());
        self.told.or(act.map(|act| self.former(act)))
    }

    /// What is left of it where this act tells its end.
    pub(super) fn former(&self, act: &Act) -> Former {
        // `tcp_time_wait` puts a stand-in in place, then closes the socket.
        let orderly = self.closed.filter(|closed| {
            let waits = matches!(closed.from, TcpState::FinWait2 | TcpState::Closing);
            waits && closed.condition.err.unwrap_or(0) == 0
        });
        Former {
            at: act.at,
            how: act.how,
            gave_way: orderly.map(|closed| closed.moment.at),
        }
    }

    /// When there is something to tell, as far as is known now; `None` while an application holds
    /// the socket open and has not closed any descriptor of it.
    pub(super) fn ready_at(&self, limits: &Limits) -> Option<MonoNs> {
        let held_open = self.held_open.first();
        let held_open = held_open.map(|act| act.at.after(limits.grace_ns));
        let ended = self.ended_at(limits);
        held_open.into_iter().chain(ended).min()
    }

    /// When nothing more can happen to the connection, as far as is known now.
    pub(super) fn ended_at(&self, limits: &Limits) -> Option<MonoNs> {
        if let Some(destroyed) = self.destroyed {
            return Some(destroyed.at.after(limits.grace_ns));
        }
        let given_up = self
            .closed
            .is_some_and(|closed| !closed.told || !self.acts.is_empty());
        let orphan = self.close_called.is_some() || self.condition.dead == Some(true);
        (given_up || (orphan && !self.acts.is_empty()))
            .then(|| self.last_touched.after(limits.settle_ns))
    }
}
