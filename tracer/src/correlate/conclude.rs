//! Turns what is known of a socket into an ending, once nothing can change it.

use super::{acts, errno, tracked::Tracked};
use crate::model::{
    ending::{Act, Call, Ending, How},
    flow::Flow,
    process::Actor,
    socket::Condition,
    state::TcpState,
};

impl Tracked {
    /// The ending as known now; `None` when nothing ended since the last one told.
    ///
    /// What happens to the socket later belongs to the next ending.
    pub(super) fn conclude(&mut self) -> Option<Ending> {
        if let Some(act) = self.silent_end() {
            let place = self.acts.partition_point(|known| known.at <= act.at);
            self.acts.insert(place, act);
        }
        if let Some(closed) = &mut self.closed {
            closed.told = true;
        }
        if self.acts.is_empty() {
            return None;
        }
        let ending = Ending {
            socket: Some(self.id),
            first_seen: self.first_seen,
            flow: self.flow,
            owner: self.owner,
            uid: self.uid,
            acts: std::mem::take(&mut self.acts),
            states: std::mem::take(&mut self.states),
            close_called: self.close_called,
            fin_retransmits: self.fin_retransmits,
            destroyed: self.destroyed.map(|moment| moment.at),
            condition: self.condition,
            after: self.after,
            peer: self.peer,
        };
        self.after = Some(ending.last_seen());
        Some(ending)
    }

    /// The act of an end that sent and received nothing, told by the error it left.
    fn silent_end(&self) -> Option<Act> {
        if self.was_reset() {
            return None;
        }
        let Some(closed) = self.closed else {
            return self.vanished();
        };
        if closed.told {
            return None;
        }
        let err = closed.condition.err.filter(|&err| err != 0);
        let how = match err {
            // The error of `tcp_reset`: its own event was lost or not to be had.
            Some(errno::ECONNRESET | errno::EPIPE) => How::RstReceived,
            Some(errno::ECONNREFUSED) if closed.from == TcpState::SynSent => How::RstReceived,
            // `tcp_write_err` sets ETIMEDOUT, or the error an ICMP message had left.
            Some(errno::ETIMEDOUT) => How::Timeout,
            Some(err) if err != errno::ECONNABORTED && !is_orderly(closed.from) => How::Timeout,
            _ if self.acts.is_empty() && !is_orderly(closed.from) => How::Destroyed,
            _ => return None,
        };
        let actor = if how == How::Destroyed {
            closed.moment.actor
        } else {
            Actor::Softirq
        };
        let mut act = acts::blank(closed.moment.at, how, actor);
        act.state = Some(closed.from);
        act.condition = closed.condition;
        if how == How::Destroyed && closed.by_close {
            act.call = Some(Call::Close);
        }
        Some(act)
    }

    /// The kernel gave up a connected socket and its last transitions were not seen.
    ///
    /// Not one in `SYN_RECV`: two segments that complete one handshake on two CPUs make two
    /// sockets, and the one that comes second never was a connection (`inet_csk_complete_hashdance`,
    /// `net/ipv4/inet_connection_sock.c`).
    fn vanished(&self) -> Option<Act> {
        let moment = self.destroyed?;
        let connected = self.state.is_some_and(|state| {
            matches!(
                state,
                TcpState::SynSent | TcpState::Established | TcpState::CloseWait
            )
        });
        (self.acts.is_empty() && connected).then(|| {
            let mut act = acts::blank(moment.at, How::Destroyed, moment.actor);
            act.state = self.state;
            act.condition = self.condition;
            act
        })
    }
}

/// Whether `CLOSE` is where a connection goes from this state when both FINs did their work.
const fn is_orderly(from: TcpState) -> bool {
    matches!(
        from,
        TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::Closing
            | TcpState::LastAck
            | TcpState::TimeWait
    )
}

/// The ending of something that never had a socket of its own.
pub(super) fn alone(flow: Flow, act: Act) -> Ending {
    Ending {
        socket: None,
        first_seen: act.at,
        flow,
        owner: None,
        uid: None,
        acts: vec![act],
        states: Vec::new(),
        close_called: None,
        fin_retransmits: 0,
        destroyed: None,
        condition: Condition::default(),
        after: None,
        peer: None,
    }
}
