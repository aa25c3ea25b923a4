//! Who holds a socket: only what a task did to it proves that.

use super::{
    Limits, acts, errno,
    tracked::{Closed, Moment, Tracked},
};
use crate::model::{
    ending::{Act, Ending, How, LetGo, Look, Owner},
    holder::{self, Holder, Provenance},
    process::{Actor, Confidence, Task},
    socket::{Condition, FileRefs},
    state::TcpState,
};

impl Tracked {
    /// The actor did what only a holder of the socket can; the kernel holds nothing.
    pub(super) fn held_by(&mut self, actor: Actor, from: Provenance) {
        if let Actor::Task(task) = actor {
            self.owner = Some(Owner {
                task,
                confidence: Confidence::Exact,
                from,
            });
        }
    }

    /// The actor closed a descriptor of the socket and another one is left: whose, it does not say.
    pub(super) fn let_go(&mut self, moment: Moment, references: u32, limits: &Limits) {
        let Actor::Task(task) = moment.actor else {
            return;
        };
        let mut act = acts::blank(moment.at, How::HeldOpen, moment.actor);
        act.state = self.state;
        act.condition.file = Some(FileRefs::Held);
        self.let_go = Some(LetGo {
            at: moment.at,
            task,
            references,
        });
        if self.held_open.len() < limits.acts {
            self.held_open.push(act);
        }
        if self.owner.is_some_and(|owner| owner.task.pid == task.pid) {
            self.owner = None;
        }
    }

    /// A closing listener tore down its queue: whoever closed it held what waited there.
    ///
    /// That closes the connection before it resets it (`inet_child_forget`,
    /// `net/ipv4/inet_connection_sock.c`).
    pub(super) fn torn_down_by(&mut self, moment: Moment) {
        let closed_first = self
            .closed
            .is_some_and(|closed| closed.moment.thread() == moment.thread());
        if closed_first && self.owner.is_none() && self.is_unaccepted() {
            self.held_by(moment.actor, Provenance::Listener);
        }
    }

    /// Who owned the socket, as far as its own events tell.
    ///
    /// A kernel thread that released it worked for whoever gave the last descriptor back: a message
    /// that held it was thrown away (`delayed_fput`, `fs/file_table.c`; `unix_gc`,
    /// `net/unix/garbage.c`).
    pub(super) fn last_owner(&self) -> Option<Owner> {
        let by_kernel = |actor| matches!(actor, Actor::KernelThread(_));
        let released = self.acts.iter().any(|act| by_kernel(act.actor))
            || self.destroyed.is_some_and(|it| by_kernel(it.actor));
        let let_go = self.let_go.filter(|_| released).map(|let_go| Owner {
            task: let_go.task,
            confidence: Confidence::Likely,
            from: Provenance::Acted,
        });
        let waiting = self.listener.and_then(|listener| listener.owner());
        self.owner.or(let_go).or(waiting)
    }

    /// Whether nobody has accepted the connection yet: it has no file and yet is no orphan.
    pub(super) fn is_unaccepted(&self) -> bool {
        let Condition {
            file, dead, inode, ..
        } = self.condition;
        file == Some(FileRefs::None) && dead == Some(false) && inode.is_none()
    }

    /// Where to look for who holds the socket now; `None` once no process can.
    pub(super) fn look(&self) -> Option<Look> {
        if let (None, Some(listener)) = (self.owner, self.listener) {
            return listener.look();
        }
        let closed = self.close_called.is_some() || self.condition.dead == Some(true);
        if closed || self.destroyed.is_some() {
            return None;
        }
        self.condition.inode.map(|inode| Look {
            inode,
            listener: false,
        })
    }

    /// What a transition in task context proves.
    ///
    /// Every one but that to `CLOSE` runs under the socket's lock, taken through its descriptor.
    /// `SOCK_DESTROY` takes the lock for a stranger and goes to `CLOSE`: there the closer must
    /// have released the file, or hold it and not have aborted.
    pub(super) fn transition_by(&mut self, actor: Actor, to: TcpState) {
        if to != TcpState::Close {
            let from = if to == TcpState::SynSent {
                Provenance::Connected
            } else {
                Provenance::Acted
            };
            self.held_by(actor, from);
            return;
        }
        let Some(closed) = self.closed else { return };
        let held = closed.condition.file == Some(FileRefs::Held)
            && closed.condition.err.is_some()
            && !self.aborted();
        if closed.by_close || held || self.was_reset_by_peer() {
            self.held_by(actor, Provenance::Acted);
        } else if let (Actor::Task(task), None, None) = (actor, closed.condition.file, self.owner)
            && !self.aborted()
        {
            self.owner = Some(Owner {
                task,
                confidence: Confidence::Likely,
                from: Provenance::Acted,
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
            self.held_by(moment.actor, Provenance::Acted);
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

/// Takes in what a look at the descriptors of the machine found; `None` when there was no time.
///
/// A look is later than the ending and proves nothing: it may say who holds the socket where no
/// event did, and that who held it does no more. Who closed a descriptor stays who closed it.
pub fn looked(ending: &mut Ending, holders: Option<Vec<Holder>>) {
    let closer = ending
        .decisive()
        .is_some_and(|act| act.how == How::HeldOpen);
    let found = holders.as_deref().unwrap_or_default();
    let known = ending.owner;
    if found.is_empty() && !closer {
        ending.owner = known.map(|owner| Owner {
            confidence: owner.confidence.min(Confidence::Likely),
            ..owner
        });
    } else if !closer {
        let still = known.filter(|owner| found.iter().any(|it| is(&owner.task, it)));
        let only = holder::only_process(found).map(|holder| Owner {
            task: holder.task(),
            confidence: Confidence::Likely,
            from: holder.from,
        });
        ending.owner = still.or(only);
    }
    ending.holders = holders;
}

/// Whether a holder is the process of a task: same pid, and as far as known the same start.
fn is(task: &Task, holder: &Holder) -> bool {
    let starts = task.start_ns.zip(holder.start_ns);
    task.pid == holder.pid && starts.is_none_or(|(one, two)| one.abs_diff(two) < TICK_NS)
}

/// `/proc/PID/stat` tells starts in ticks of a hundredth of a second, rarely a longer one.
const TICK_NS: u64 = 20_000_000;
