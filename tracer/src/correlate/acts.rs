//! What each kind of event adds to the story of its socket.

use super::{
    Limits, owner,
    tracked::{Called, Closed, Moment, Tracked},
};
use crate::model::{
    cause::Cause,
    ending::{Act, Call, CloseCall, How, Transition},
    holder::Provenance,
    observation::HeldBack,
    process::{Actor, Confidence},
    reason::Reason,
    socket::{Condition, FileRefs},
    state::TcpState,
    time::MonoNs,
};

/// An act of which nothing else is known yet.
pub(super) fn blank(at: MonoNs, how: How, actor: Actor) -> Act {
    Act {
        at,
        how,
        actor,
        cause: Cause::Unknown,
        confidence: Confidence::Unknown,
        reason: None,
        state: None,
        condition: Condition::default(),
        provoked_by: None,
        seq: None,
        call: None,
        stack: None,
    }
}

impl Tracked {
    /// A hook saw `tcp_close`.
    pub(super) fn close_seen(&mut self, at: MonoNs) {
        if self.close_called.is_none_or(|call| !call.seen) {
            self.close_called = Some(CloseCall { at, seen: true });
        }
    }

    /// The state change implies a close.
    fn close_implied(&mut self, at: MonoNs) {
        self.close_called
            .get_or_insert(CloseCall { at, seen: false });
    }

    /// A transition, reported before it is written and right before the FIN or RST it goes with.
    pub(super) fn state_changed(
        &mut self,
        moment: Moment,
        condition: &Condition,
        (from, to): (TcpState, TcpState),
        limits: &Limits,
    ) {
        let Moment { at, actor } = moment;
        self.note(Transition { at, from, to }, limits);
        if matches!(to, TcpState::FinWait1 | TcpState::LastAck) && !self.fin_sent {
            self.fin_sent(moment, from, *condition, limits);
        }
        // An orphan in FIN_WAIT2 is replaced by a TIME_WAIT stand-in, which shows as CLOSE too;
        // only one that got its FIN has SOCK_DONE set (`tcp_fin`, `net/ipv4/tcp_input.c`).
        let fin_arrived = matches!(to, TcpState::CloseWait | TcpState::Closing)
            || (from == TcpState::FinWait2
                && to == TcpState::Close
                && condition.fin_received == Some(true));
        if fin_arrived && !self.fin_received {
            self.fin_received(at, Some(from), *condition, limits);
        }
        if to == TcpState::Close {
            self.close_reached(moment, from, *condition);
        }
        self.transition_by(actor, to);
    }

    fn fin_sent(&mut self, moment: Moment, from: TcpState, condition: Condition, limits: &Limits) {
        let mut act = blank(moment.at, How::FinSent, moment.actor);
        act.state = Some(from);
        act.condition = condition;
        act.seq = condition.write_seq;
        act.call = self
            .take_call(moment)
            .or_else(|| implied_call(moment, condition));
        if act.call == Some(Call::Close) {
            self.close_implied(moment.at);
        }
        self.fin_sent = true;
        self.act(act, limits);
    }

    /// The call that made this happen: the same thread made it, and nothing came of it yet.
    fn take_call(&mut self, moment: Moment) -> Option<Call> {
        let ours = |called: &mut Called| moment.thread() == Some(called.thread);
        self.called.take_if(ours).map(|called| called.call)
    }

    fn fin_received(
        &mut self,
        at: MonoNs,
        from: Option<TcpState>,
        condition: Condition,
        limits: &Limits,
    ) {
        let mut act = blank(at, How::FinReceived, Actor::Softirq);
        act.state = from;
        act.condition = condition;
        self.fin_received = true;
        self.act(act, limits);
    }

    fn close_reached(&mut self, moment: Moment, from: TcpState, condition: Condition) {
        let call_seen = self.take_call(moment) == Some(Call::Close);
        let mut closed = Closed {
            moment,
            from,
            condition,
            by_close: false,
            told: false,
        };
        closed.by_close = owner::is_close(&closed, call_seen, self.was_reset());
        if closed.by_close {
            self.close_implied(moment.at);
        }
        self.closed = Some(closed);
    }

    /// `tcp_send_fin` ran: it says the sequence number, and stands in for a lost transition.
    pub(super) fn fin_queued(
        &mut self,
        moment: Moment,
        seq: Option<u32>,
        unsent: Option<u32>,
        limits: &Limits,
    ) {
        if !self.fin_sent {
            // Only a close or a shutdown gets here, under the socket's lock.
            let called = self.called.take();
            let actor = called.map_or(moment.actor, |called| called.actor);
            let mut act = blank(moment.at, How::FinSent, actor);
            act.call = called.map(|called| called.call);
            self.fin_sent = true;
            self.act(act, limits);
            self.held_by(actor, Provenance::Acted);
        }
        let fin = self.acts.iter_mut().rfind(|act| act.how == How::FinSent);
        if let Some(act) = fin {
            act.seq = seq.or(act.seq);
            act.condition.unsent = act.condition.unsent.or(unsent);
        }
    }

    /// `tcp_send_active_reset` ran; a close had set the state to `CLOSE` before.
    pub(super) fn reset_sent(
        &mut self,
        moment: Moment,
        state: Option<TcpState>,
        condition: Condition,
        reason: Option<Reason>,
        limits: &Limits,
    ) {
        let mut act = blank(moment.at, How::RstSent, moment.actor);
        act.reason = reason;
        act.state = self.state_before_close(state);
        act.condition = condition;
        if let Some(closed) = self.closed {
            act.condition = super::facts::merged(closed.condition, &condition);
            act.call = closed.by_close.then_some(Call::Close);
        }
        self.torn_down_by(moment);
        self.act(act, limits);
    }

    /// `tcp_reset` ran; whether an RST made it is known only when none was sent in answer.
    pub(super) fn reset_received(
        &mut self,
        at: MonoNs,
        state: Option<TcpState>,
        condition: Condition,
        limits: &Limits,
    ) {
        if self.was_reset_by_peer() {
            return;
        }
        let mut act = blank(at, How::RstReceived, Actor::Softirq);
        act.state = self.state_before_close(state);
        act.condition = condition;
        self.act(act, limits);
    }

    /// An RST answered a segment for this socket.
    ///
    /// The kernel never answers an RST, nor anything that comes after one, so what `tcp_reset`
    /// ran for was not an RST: the act that said so is withdrawn, its facts stay.
    pub(super) fn reset_answered(&mut self, mut act: Act, limits: &Limits) {
        act.state = self.state_before_close(act.state);
        let withdrawn = |known: &Act| known.how == How::RstReceived;
        if let Some(place) = self.acts.iter().position(withdrawn) {
            let reset = self.acts.remove(place);
            act.state = reset.state.or(act.state);
            act.condition = super::facts::merged(act.condition, &reset.condition);
        }
        self.last_touched = self.last_touched.max(act.at);
        self.act(act, limits);
    }

    /// Whether an RST from the peer ended the socket, as far as is known.
    pub(super) fn was_reset_by_peer(&self) -> bool {
        self.acts.iter().any(|act| act.how == How::RstReceived)
    }

    /// What the kernel half kept back until it knew the owner; `state` is the state by now.
    pub(super) fn take_held_back(&mut self, held: HeldBack, state: TcpState, limits: &Limits) {
        if let Some(at) = held.fin_received.filter(|_| !self.fin_received) {
            let before = if state == TcpState::CloseWait {
                Some(TcpState::Established)
            } else {
                (state == TcpState::Closing).then_some(TcpState::FinWait1)
            };
            self.fin_received(at, before, Condition::default(), limits);
        }
        if let Some(at) = held.rst_received {
            self.reset_received(at, None, Condition::default(), limits);
        }
    }

    /// The kernel gave the socket up.
    pub(super) fn given_up(&mut self, moment: Moment) {
        self.destroyed_by(moment);
        self.destroyed = Some(moment);
    }
}

/// What the file says of the call behind a FIN that no hook saw.
fn implied_call(moment: Moment, condition: Condition) -> Option<Call> {
    let exiting = matches!(moment.actor, Actor::Task(task) if task.exit.is_some());
    match condition.file {
        Some(FileRefs::Released) => Some(Call::Close),
        Some(FileRefs::None) => moment.thread().map(|_| Call::Close),
        Some(FileRefs::Held) => Some(Call::Shutdown),
        None => exiting.then_some(Call::Close),
    }
}
