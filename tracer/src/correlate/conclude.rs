//! Turns what is known of a socket into an ending, once nothing can change it.

use super::{acts, errno, tracked::Tracked};
use crate::model::{
    ending::{Act, Call, EndId, Ending, How, Owner},
    holder::Provenance,
    process::{Actor, Confidence},
    socket::Condition,
    state::TcpState,
    time::MonoNs,
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
        let mut acts = std::mem::take(&mut self.acts);
        self.hand_stacks(&mut acts);
        let asked = acts.iter().find_map(|act| self.asker(act));
        self.stacks.clear();
        let EndId {
            socket,
            first_seen,
            flow,
        } = self.life().id;
        let ending = Ending {
            socket,
            first_seen,
            flow,
            owner: self.last_owner(),
            holders: None,
            look: self.look(),
            let_go: self.let_go,
            asked,
            uid: self.uid,
            acts,
            states: std::mem::take(&mut self.states),
            close_called: self.close_called,
            fin_retransmits: self.fin_retransmits,
            destroyed: self.destroyed.map(|moment| moment.at),
            condition: self.condition,
            after: self.after,
            former: None,
            not_by_tcp: None,
            until: self.last_touched,
            peer: self.peer,
            segments: None,
        };
        self.told = ending.decisive().map(|act| self.former(act));
        self.after = Some(ending.id());
        Some(ending)
    }

    /// The closes up to `until` that ended nothing, each as an ending of its own.
    ///
    /// Not one that the same process made good within `grace_ns`: a call of another of its threads
    /// still ran (`fdget`, `fs/file.c`), there was no other descriptor.
    pub(super) fn conclude_held_open(&mut self, until: MonoNs, grace_ns: u64) -> Vec<Ending> {
        if self.held_open.is_empty() {
            return Vec::new();
        }
        let held_open = std::mem::take(&mut self.held_open);
        let (due, later): (Vec<_>, _) = held_open.into_iter().partition(|act| act.at <= until);
        self.held_open = later;
        let mut endings = Vec::new();
        for mut act in due {
            self.hand_stacks(std::slice::from_mut(&mut act));
            let Actor::Task(closer) = act.actor else {
                continue;
            };
            if self.made_good(act.at, closer.pid, grace_ns) {
                continue;
            }
            let owner = Owner {
                task: closer,
                confidence: Confidence::Exact,
                from: Provenance::Acted,
            };
            endings.push(Ending {
                owner: Some(owner),
                asked: self.asker(&act),
                look: self.look(),
                after: self.after,
                peer: self.peer,
                condition: self.condition,
                uid: self.uid,
                ..alone(self.life().id, act)
            });
            self.after = Some(self.life().id);
        }
        endings
    }

    /// Whether a process ended the connection soon after it had closed one descriptor of it.
    fn made_good(&self, closed: MonoNs, pid: u32, grace_ns: u64) -> bool {
        let ended = self.close_called.map(|call| call.at);
        let ended = ended.or(self.destroyed.map(|moment| moment.at));
        let same = self.owner.is_some_and(|owner| owner.task.pid == pid);
        same && ended.is_some_and(|ended| ended >= closed && ended.since(closed) < grace_ns)
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
            // `tcp_abort` for `SOCK_DESTROY`, of a socket with nothing to reset.
            Some(errno::ECONNABORTED) => How::Destroyed,
            // `tcp_write_err` sets ETIMEDOUT, or the error an ICMP message had left.
            Some(_) => How::Timeout,
            // Two segments that complete one handshake on two CPUs make two sockets; the second
            // never was a connection (`tcp_v4_syn_recv_sock`, `net/ipv4/tcp_ipv4.c`).
            _ if closed.from == TcpState::SynRecv && !closed.by_close => return None,
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

    /// The kernel gave up a connected socket and its last transitions were not seen: whoever closed it
    /// in the end need not be who ended the connection.
    ///
    /// Not one in `SYN_RECV`, which may never have been a connection: see above.
    fn vanished(&self) -> Option<Act> {
        let moment = self.destroyed?;
        let connected = self.state.is_some_and(|state| {
            matches!(
                state,
                TcpState::SynSent | TcpState::Established | TcpState::CloseWait
            )
        });
        (self.acts.is_empty() && connected).then(|| {
            let mut act = acts::blank(moment.at, How::Destroyed, Actor::Unknown);
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

/// An ending of one act, of which nothing but a name is known.
pub(super) fn alone(id: EndId, act: Act) -> Ending {
    Ending {
        socket: id.socket,
        first_seen: id.first_seen,
        flow: id.flow,
        owner: None,
        holders: None,
        look: None,
        let_go: None,
        asked: None,
        uid: None,
        acts: vec![act],
        states: Vec::new(),
        close_called: None,
        fin_retransmits: 0,
        destroyed: None,
        condition: Condition::default(),
        after: None,
        former: None,
        not_by_tcp: None,
        until: id.first_seen,
        peer: None,
        segments: None,
    }
}
