//! RSTs that answer a segment: for a connection, or for one that is over, or for nobody.

use super::{Correlator, acts, conclude, peers::Life, tracked::Moment};
use crate::model::{
    ending::{Act, EndId, How},
    flow::Flow,
    observation::{Segment, SegmentFlags},
    process::Actor,
    socket::SocketId,
    state::TcpState,
    time::MonoNs,
};

impl Correlator {
    /// An RST that answered a segment ends the socket it was for, if that was connected; else it
    /// is an ending of its own.
    ///
    /// A socket still connecting answers stray segments and goes on (`tcp_rcv_synsent_state_process`),
    /// and listeners and `TIME_WAIT` answer for nobody.
    pub(super) fn rst_answered(
        &mut self,
        moment: Moment,
        flow: Flow,
        (socket, state): (Option<SocketId>, Option<TcpState>),
        segment: Segment,
        reason: Option<u32>,
    ) {
        let mut act = acts::blank(moment.at, How::RstSent, Actor::Softirq);
        act.state = state;
        act.reason = reason.map(|code| self.names.reason(code));
        act.provoked_by = Some(segment);
        // RFC 9293, section 3.10.7.1: the answer takes the sequence number from the segment.
        act.seq = Some(if segment.flags.has(SegmentFlags::ACK) {
            segment.ack
        } else {
            0
        });
        let limits = self.limits;
        let connected = |state| {
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
        };
        let tracked = socket
            .filter(|_| connected(state))
            .and_then(|id| self.sockets.find(id))
            .filter(|tracked| connected(tracked.state));
        if let Some(tracked) = tracked {
            tracked.reset_answered(act, &limits);
            let address = tracked.id.address;
            self.reschedule(address);
        } else {
            self.answered_for_nobody(flow, act);
        }
    }

    /// Nobody has the tuple, or a stand-in for a connection that is over: whose that was, is known
    /// for a while.
    fn answered_for_nobody(&mut self, flow: Flow, act: Act) {
        let at = act.at;
        let id = EndId {
            socket: None,
            flow,
            first_seen: at,
        };
        let mut ending = conclude::alone(id, act);
        if let Some(former) = self.former(&flow, at) {
            ending.after = Some(former.id);
            ending.owner = former.owner_later();
        }
        ending.peer = self.introduce(Life {
            id,
            ended: Some(at),
        });
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

    /// Tells the answers for nobody whose segments must have been seen by now.
    pub(super) fn release_answers(&mut self, now: MonoNs) {
        let until = now.before(self.limits.answer_ns);
        while let Some(ending) = self.answers.pop_front_if(|it| it.first_seen <= until) {
            self.answering.remove(&ending.flow);
            self.push(ending);
        }
    }
}
