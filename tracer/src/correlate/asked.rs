//! Who asked for a close, which another goroutine of the program may have carried out.

use super::{
    Correlator,
    tracked::{Moment, Tracked},
};
use crate::model::{
    ending::{Act, Asked},
    holder::Provenance,
    process::Actor,
    socket::{Condition, Socket},
};

/// Wishes kept of one socket: all but the first are in vain, unless one descriptor of several was
/// meant.
const WISHES: usize = 4;

impl Correlator {
    /// A goroutine asked for the close of a descriptor, which it therefore holds.
    pub(super) fn close_asked(&mut self, moment: Moment, socket: &Socket) {
        let Actor::Task(task) = moment.actor else {
            return;
        };
        if !self.concerns(socket) {
            return;
        }
        if let Some(tracked) = self.meet(moment, socket, &Condition::default(), false) {
            tracked.held_by(moment.actor, Provenance::Acted);
            if tracked.asked.len() < WISHES {
                let (at, stack) = (moment.at, None);
                tracked.asked.push(Asked { at, task, stack });
            }
        }
        self.reschedule(socket.id.address);
    }
}

impl Tracked {
    /// Whose wish an act fulfils: the first of its process that none before it did.
    pub(super) fn asker(&mut self, act: &Act) -> Option<Asked> {
        let Actor::Task(task) = act.actor else {
            return None;
        };
        let meant = |it: &&Asked| it.at <= act.at && it.task.pid == task.pid;
        let first = self.asked.iter().find(meant).copied()?;
        self.asked.retain(|it| it.at > act.at);
        let stack = self.stacks.iter().find(|id| id.at == first.at).copied();
        Some(Asked { stack, ..first })
    }
}
