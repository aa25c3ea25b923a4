//! What tells who holds a socket, and ends nothing: accept, closes of one descriptor of several,
//! and listeners.

use super::{
    Correlator,
    tracked::{Moment, Tracked},
};
use crate::model::{
    holder::Provenance,
    process::Actor,
    socket::{Condition, Socket, SocketId},
    state::TcpState,
};

impl Correlator {
    /// A task accepted a connection: its socket may be known already, or become so later.
    pub(super) fn accepted(&mut self, moment: Moment, socket: SocketId, inode: Option<u32>) {
        let at = moment.at;
        self.listeners.accepted(socket);
        // One that ended already is another, whose address the kernel gave away: the birth of the
        // accepted one was not seen.
        let waiting = |it: &&mut Tracked| it.owner.is_none() && !it.fin_sent && it.is_alive(at);
        match self.sockets.find(socket).filter(waiting) {
            Some(tracked) => {
                tracked.id.cookie = tracked.id.cookie.or(socket.cookie);
                tracked.condition.inode = inode.or(tracked.condition.inode);
                tracked.held_by(moment.actor, Provenance::Accepted);
            }
            None => self.early.keep(socket, moment.actor),
        }
    }

    /// A task closed a descriptor, and the connection lives on.
    pub(super) fn held_open(
        &mut self,
        moment: Moment,
        socket: &Socket,
        inode: Option<u32>,
        references: u32,
    ) {
        let limits = self.limits;
        self.seeds.forget(inode);
        let condition = Condition {
            inode,
            ..Condition::default()
        };
        if let Some(tracked) = self.meet(moment, socket, &condition, false) {
            tracked.let_go(moment, references, &limits);
        }
        self.reschedule(socket.id.address);
    }

    /// A socket begins to listen, or ends doing so.
    pub(super) fn listens(
        &mut self,
        moment: Moment,
        socket: &Socket,
        inode: Option<u32>,
        to: TcpState,
    ) {
        if to == TcpState::Listen {
            let opener = match moment.actor {
                Actor::Task(task) => Some(task),
                Actor::KernelThread(_) | Actor::Softirq | Actor::Unknown => None,
            };
            self.listeners.opened(socket.id, socket.flow, inode, opener);
        } else {
            self.listeners.stopped(inode);
        }
    }
}
