//! Sockets without a descriptor are somebody's all the same: who listens where they wait, or who
//! closed them.

use std::collections::HashMap;

use super::Traced;
use crate::model::{
    holder::{Holder, Provenance},
    known::KnownSocket,
    process::Task,
    state::TcpState,
};

/// Gives connections that wait to be accepted the holders of their listeners, and orphans who closed
/// them, as far as that was traced.
pub fn attribute(sockets: &mut [KnownSocket], traced: Option<&Traced>) {
    let mut listeners = HashMap::<_, Vec<Holder>>::new();
    for socket in sockets.iter().filter(|it| it.state == TcpState::Listen) {
        let place = (socket.flow.netns, socket.flow.local.port());
        let holders = socket.holders.iter().map(|it| Holder {
            from: Provenance::Listener,
            ..*it
        });
        listeners.entry(place).or_default().extend(holders);
    }
    let without = |it: &&mut KnownSocket| it.inode.is_none() && it.holders.is_empty();
    for socket in sockets.iter_mut().filter(without) {
        match socket.state {
            TcpState::Established | TcpState::CloseWait => {
                let place = (socket.flow.netns, socket.flow.local.port());
                if let Some(holders) = listeners.get(&place) {
                    socket.holders.clone_from(holders);
                }
            }
            TcpState::FinWait1 | TcpState::FinWait2 | TcpState::Closing => {
                let closer = traced.and_then(|traced| traced.closer(&socket.flow));
                socket.holders.extend(closer.map(closed));
            }
            TcpState::SynSent
            | TcpState::SynRecv
            | TcpState::NewSynRecv
            | TcpState::TimeWait
            | TcpState::Close
            | TcpState::LastAck
            | TcpState::Listen => {}
        }
    }
}

/// Who closed, as the last holder.
const fn closed(task: &Task) -> Holder {
    Holder {
        pid: task.pid,
        fd: None,
        comm: task.process_comm,
        uid: task.uid,
        start_ns: task.start_ns,
        from: Provenance::Acted,
    }
}
