//! Who holds a socket: only what a task did to it proves that.

use super::{
    errno,
    tracked::{Closed, Moment, Tracked},
};
use crate::model::{
    ending::{Act, How, Owner},
    process::{Actor, Confidence},
    socket::FileRefs,
    state::TcpState,
};

impl Tracked {
    /// The actor did what only a holder of the socket can; the kernel holds nothing.
    pub(super) fn held_by(&mut self, actor: Actor) {
        if let Actor::Task(task) = actor {
            self.owner = Some(Owner {
                task,
                confidence: Confidence::Exact,
            });
        }
    }

    /// What a transition in task context proves.
    ///
    /// Every one but that to `CLOSE` runs under the socket's lock, taken through its descriptor.
    /// `SOCK_DESTROY` takes the lock for a stranger and goes to `CLOSE`: there the closer must
    /// have released the file, or hold it and not have aborted.
    pub(super) fn transition_by(&mut self, actor: Actor, to: TcpState) {
        if to != TcpState::Close {
            self.held_by(actor);
            return;
        }
        let Some(closed) = self.closed else { return };
        let held = closed.condition.file == Some(FileRefs::Held)
            && closed.condition.err.is_some()
            && !self.aborted();
        if closed.by_close || held || self.was_reset_by_peer() {
            self.held_by(actor);
        } else if let (Actor::Task(task), None, None) = (actor, closed.condition.file, self.owner)
            && !self.aborted()
        {
            self.owner = Some(Owner {
                task,
                confidence: Confidence::Likely,
            });
        }
    }

    /// What the end of the socket in task context proves: its closer ran, unless the same task
    /// had aborted it from outside.
    pub(super) fn destroyed_by(&mut self, moment: Moment) {
        let stranger = self.aborted()
            && self
                .closed
                .is_some_and(|closed| closed.moment.thread() == moment.thread());
        if !stranger {
            self.held_by(moment.actor);
        }
    }

    /// Whether `tcp_abort` (`net/ipv4/tcp.c`) closed the socket: it leaves its error, or sends
    /// its RST before the state changes.
    fn aborted(&self) -> bool {
        self.closed.is_some_and(|closed| {
            let before = |act: &Act| {
                act.how == How::RstSent && act.provoked_by.is_none() && act.at < closed.moment.at
            };
            closed.condition.err == Some(errno::ECONNABORTED)
                || (!closed.by_close && self.acts.iter().any(before))
        })
    }
}

/// Whether the transition to `CLOSE` is the work of an application's close.
///
/// A close in `FIN_WAIT2` hands the socket to a `TIME_WAIT` stand-in after it was orphaned, so
/// the file is gone by then (`__tcp_close`, `net/ipv4/tcp.c`); an abort of an orphan sends its RST
/// first.
pub(super) fn is_close(closed: &Closed, call_seen: bool, reset_before: bool) -> bool {
    if closed.moment.thread().is_none() {
        return false;
    }
    call_seen
        || closed.condition.file == Some(FileRefs::Released)
        || (closed.from == TcpState::FinWait2
            && closed.condition.file == Some(FileRefs::None)
            && closed.condition.dead == Some(true)
            && !reset_before)
}
