//! Takes one observation in: which socket it means, and what it says of it.

use super::{
    Correlator,
    sockets::Displaced,
    tracked::{Called, Moment, Tracked},
};
use crate::model::{
    ending::Call,
    holder::Provenance,
    observation::{HeldBack, Observation, What},
    socket::{Condition, Socket, SocketId},
    state::TcpState,
};

impl Correlator {
    /// Takes one observation in; observations come in the order of their time.
    ///
    /// A late one is still used, in its place. What was due is concluded first, so that endings do not
    /// depend on how often they are asked for.
    pub fn observe(&mut self, seen: &Observation) {
        let &Observation { at, actor, .. } = seen;
        self.conclude_due(at);
        self.now = self.now.max(at);
        if let What::Stack(taken) = &seen.what {
            return self.stack(taken.id(seen), taken.socket);
        }
        self.take_in(Moment { at, actor }, &seen.what);
    }

    fn take_in(&mut self, moment: Moment, what: &What) {
        match what {
            What::CloseCalled { socket, condition } => {
                self.called(moment, socket, condition, Some(Call::Close));
            }
            What::ShutdownCalled {
                socket,
                condition,
                send,
                ..
            } => self.called(moment, socket, condition, send.then_some(Call::Shutdown)),
            What::FinQueued {
                socket,
                seq,
                unsent,
            } => self.fin_queued(moment, socket, *seq, *unsent),
            What::RstSent {
                socket,
                condition,
                reason,
            } => self.rst_sent(moment, socket, condition, *reason),
            What::RstAnswered {
                flow,
                socket,
                state,
                condition,
                provoked_by,
                reason,
            } => {
                self.reset_left(*flow, moment.at);
                let act = self.answer(moment.at, (*state, *condition), *provoked_by, *reason);
                self.rst_answered(*flow, *socket, act);
            }
            What::StateChanged {
                socket,
                condition,
                held_back,
                from,
                to,
            } => self.state_changed(moment, socket, condition, *held_back, (*from, *to)),
            What::RstReceived { socket, condition } => {
                self.rst_received(moment, socket, condition);
            }
            What::FinRetransmitted { socket, seq: _ } => self.fin_retransmitted(moment, socket),
            What::Destroyed {
                socket,
                condition,
                held_back,
            } => self.destroyed(moment, socket, condition, *held_back),
            What::Accepted { socket, inode } => self.accepted(moment, *socket, *inode),
            What::HeldOpen {
                socket,
                inode,
                references,
            } => self.held_open(moment, socket, *inode, *references),
            What::CloseAsked { socket } => self.close_asked(moment, socket),
            What::Queued { socket, listener } => self.listeners.queued(*socket, *listener),
            What::SegmentSeen(passed) => self.passed(moment.at, passed),
            What::ProcessExited { task } => self.departed.exited(task),
            What::Stack(_) | What::ProcessExeced { .. } | What::ProcessForked { .. } => (),
        }
    }

    /// The entry of a socket, made if need be; what it displaces is told.
    pub(super) fn meet(
        &mut self,
        moment: Moment,
        socket: &Socket,
        condition: &Condition,
        birth: bool,
    ) -> Option<&mut Tracked> {
        let unknown = self.sockets.at(socket.id.address).is_none();
        if unknown && self.departed.is_over(socket, moment.at) {
            return None;
        }
        match self.sockets.touch(moment.at, socket, birth) {
            Some(Displaced::Reborn(old)) => self.retire(old),
            Some(Displaced::Evicted(old)) => {
                self.counters.evicted = self.counters.evicted.saturating_add(1);
                self.retire(old);
            }
            Some(Displaced::Nobody) => return None,
            None => {}
        }
        let tracked = self.sockets.at(socket.id.address)?;
        tracked.refresh(moment.at, socket, condition);
        if birth {
            self.early.forget(socket.id.address);
        } else if let (None, Some(acceptor)) = (tracked.owner, self.early.take(tracked.id)) {
            tracked.held_by(acceptor, Provenance::Accepted);
        }
        // Until its handshake is over there may be two of one flow, one of them for nothing.
        let shaking = matches!(socket.state, Some(TcpState::Listen | TcpState::SynRecv));
        if !tracked.found_by_flow && !shaking {
            self.sockets.find_by_flow(socket.id.address);
        }
        self.sockets.at(socket.id.address)
    }

    /// Plans when the socket is told of, after something happened to it.
    pub(super) fn reschedule(&mut self, address: u64) {
        let Some(tracked) = self.sockets.at(address) else {
            return;
        };
        if tracked.owner.is_none() && tracked.listener.is_none() && tracked.is_unaccepted() {
            let cookie = tracked.listener_cookie;
            tracked.listener = self.listeners.of(tracked.id, cookie, &tracked.flow);
        }
        let due = tracked.ready_at(&self.limits);
        self.sockets.schedule(address, due);
    }

    /// Whether a socket can be part of an ending, known or not.
    pub(super) fn concerns(&mut self, socket: &Socket) -> bool {
        let unconnected = matches!(socket.state, Some(TcpState::Listen | TcpState::Close));
        !unconnected || self.sockets.find(socket.id).is_some()
    }

    fn called(
        &mut self,
        moment: Moment,
        socket: &Socket,
        condition: &Condition,
        call: Option<Call>,
    ) {
        if !self.concerns(socket) {
            return;
        }
        if let Some(tracked) = self.meet(moment, socket, condition, false) {
            tracked.held_by(moment.actor, Provenance::Acted);
            if let Some((call, thread)) = call.zip(moment.thread()) {
                tracked.called = Some(Called {
                    call,
                    thread,
                    actor: moment.actor,
                });
            }
            if call == Some(Call::Close) {
                tracked.close_seen(moment.at);
            }
        }
        self.reschedule(socket.id.address);
    }

    fn fin_queued(
        &mut self,
        moment: Moment,
        socket: &Socket,
        seq: Option<u32>,
        unsent: Option<u32>,
    ) {
        let limits = self.limits;
        if let Some(tracked) = self.meet(moment, socket, &Condition::default(), false) {
            tracked.fin_queued(moment, seq, unsent, &limits);
        }
        self.reschedule(socket.id.address);
    }

    fn fin_retransmitted(&mut self, moment: Moment, socket: &Socket) {
        if let Some(tracked) = self.meet(moment, socket, &Condition::default(), false) {
            tracked.fin_retransmits = tracked.fin_retransmits.saturating_add(1);
        }
        self.reschedule(socket.id.address);
    }

    fn rst_sent(
        &mut self,
        moment: Moment,
        socket: &Socket,
        condition: &Condition,
        reason: Option<u32>,
    ) {
        let reason = reason.map(|code| self.names.reason(code));
        let limits = self.limits;
        self.reset_left(socket.flow, moment.at);
        if let Some(tracked) = self.meet(moment, socket, condition, false) {
            tracked.reset_sent(moment, socket.state, *condition, reason, &limits);
        }
        self.reschedule(socket.id.address);
    }

    fn rst_received(&mut self, moment: Moment, socket: &Socket, condition: &Condition) {
        let limits = self.limits;
        if let Some(tracked) = self.meet(moment, socket, condition, false) {
            tracked.reset_received(moment.at, socket.state, *condition, &limits);
        }
        self.reschedule(socket.id.address);
    }

    fn state_changed(
        &mut self,
        moment: Moment,
        socket: &Socket,
        condition: &Condition,
        held_back: HeldBack,
        (from, to): (TcpState, TcpState),
    ) {
        let accepted = from == TcpState::Listen && to == TcpState::SynRecv;
        if !accepted && (from == TcpState::Listen || to == TcpState::Listen) {
            return self.listens(moment, socket, condition.inode, to);
        }
        if from == TcpState::Close && to == TcpState::Close {
            return;
        }
        // The child's memory is its listener's copied, of some kernels the cookie too: it gets one of
        // its own later (`inet_csk_clone_lock`, `net/ipv4/inet_connection_sock.c`).
        let listener = socket.id.cookie.filter(|_| accepted);
        let socket = &Socket {
            id: SocketId {
                cookie: socket.id.cookie.filter(|_| !accepted),
                ..socket.id
            },
            ..*socket
        };
        let birth = accepted || from == TcpState::Close || to == TcpState::SynSent;
        // `tcp_reset` goes to CLOSE at once: what was held back before another transition was of
        // a socket that had this address before.
        let held_back = HeldBack {
            rst_received: held_back.rst_received.filter(|_| to == TcpState::Close),
            ..held_back
        };
        let limits = self.limits;
        if let Some(tracked) = self.meet(moment, socket, condition, birth) {
            tracked.listener_cookie = listener.or(tracked.listener_cookie);
            tracked.take_held_back(held_back, from, &limits);
            tracked.state_changed(moment, condition, (from, to), &limits);
        }
        if to == TcpState::Established {
            self.find_by_flow(socket.id.address);
        }
        self.reschedule(socket.id.address);
    }

    fn destroyed(
        &mut self,
        moment: Moment,
        socket: &Socket,
        condition: &Condition,
        held_back: HeldBack,
    ) {
        let silent = held_back == HeldBack::default();
        if silent && self.sockets.find(socket.id).is_none() {
            self.early.forget(socket.id.address);
            self.listeners.closed(socket.id.address);
            return;
        }
        let limits = self.limits;
        if let Some(tracked) = self.meet(moment, socket, condition, false) {
            tracked.take_held_back(held_back, tracked.state.unwrap_or(TcpState::Close), &limits);
            tracked.given_up(moment);
        }
        self.reschedule(socket.id.address);
    }
}
