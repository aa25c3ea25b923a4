//! RSTs that answer a segment: for a connection, or for one that is over, or for nobody.

use super::{Correlator, acts, conclude, peers::Life};
use crate::model::{
    ending::{Act, EndId, How, Owner},
    flow::Flow,
    observation::{Segment, SegmentFlags},
    process::Actor,
    socket::{Condition, SocketId},
    state::TcpState,
    time::MonoNs,
};

impl Correlator {
    /// The act of an answer to a segment.
    pub(super) fn answer(
        &self,
        at: MonoNs,
        (state, condition): (Option<TcpState>, Condition),
        provoked_by: Segment,
        reason: Option<u32>,
    ) -> Act {
        Act {
            state,
            condition,
            provoked_by: Some(provoked_by),
            reason: reason.map(|code| self.names.reason(code)),
            ..acts::blank(at, How::RstSent, Actor::Softirq)
        }
    }

    /// An RST that answered a segment ends the socket it was for, if that was connected; else it
    /// is an ending of its own.
    ///
    /// A socket still connecting answers stray segments and goes on (`tcp_rcv_synsent_state_process`),
    /// and listeners and `TIME_WAIT` answer for nobody.
    pub(super) fn rst_answered(&mut self, flow: Flow, socket: Option<SocketId>, mut act: Act) {
        // RFC 9293, section 3.10.7.1: the answer takes the sequence number from the segment.
        act.seq = act.provoked_by.map(|segment| {
            if segment.flags.has(SegmentFlags::ACK) {
                segment.ack
            } else {
                0
            }
        });
        let limits = self.limits;
        let tracked = socket
            .filter(|_| is_connected(act.state))
            .and_then(|id| self.sockets.find(id))
            .filter(|tracked| is_connected(tracked.state));
        if let Some(tracked) = tracked {
            tracked.reset_answered(act, &limits);
            let address = tracked.id.address;
            self.reschedule(address);
        } else {
            self.answered_for_nobody(flow, socket, act);
        }
    }

    /// Nobody has the tuple, or a stand-in for a connection that is over: whose that was, is known
    /// for a while.
    fn answered_for_nobody(&mut self, flow: Flow, socket: Option<SocketId>, act: Act) {
        let at = act.at;
        let id = EndId {
            socket: None,
            flow,
            first_seen: at,
        };
        let state = act.state;
        let mut ending = conclude::alone(id, act);
        if let Some(former) = self.former(&flow, at) {
            ending.after = Some(former.id);
            ending.former = former.ended;
            ending.owner = former.owner_later();
        }
        ending.owner = ending.owner.or_else(|| self.owner_of(socket?, state));
        let one = Life {
            id,
            ended: Some(at),
        };
        ending.peer = if ending.after.is_some() {
            // To the other end, its peer is the connection that was there before.
            self.other_end(one)
        } else {
            self.introduce(one)
        };
        if self.limits.answer_ns == 0 {
            self.push(ending);
        } else {
            let provoker = ending.acts.first().and_then(|act| act.provoked_by);
            // RFC 9293, section 3.10.7.1: it acknowledges what acknowledged nothing.
            let acks = provoker.is_some_and(|it| !it.flags.has(SegmentFlags::ACK));
            self.answering.entry(flow).or_insert((at, acks));
            self.answers.push_back(ending);
        }
    }

    /// Who holds the socket that answered and goes on: a listener, or one that is connecting.
    fn owner_of(&mut self, socket: SocketId, state: Option<TcpState>) -> Option<Owner> {
        if state == Some(TcpState::Listen) {
            return self.listeners.owner_of(socket);
        }
        self.sockets.find(socket)?.owner
    }

    /// Tells the answers for nobody whose segments must have been seen by now.
    pub(super) fn release_answers(&mut self, now: MonoNs) {
        let until = now.before(self.limits.answer_ns);
        while let Some(mut ending) = self.answers.pop_front_if(|it| it.first_seen <= until) {
            self.answering.remove(&ending.flow);
            self.link(&mut ending);
            self.complete(ending);
        }
    }
}

/// Whether a socket in this state answers for a connection of its own.
const fn is_connected(state: Option<TcpState>) -> bool {
    !matches!(
        state,
        Some(
            TcpState::SynSent
                | TcpState::SynRecv
                | TcpState::NewSynRecv
                | TcpState::Listen
                | TcpState::TimeWait
        )
    )
}
