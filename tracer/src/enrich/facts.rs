//! What the road asks of the world: facts about who acts and where, read at first sight.

use std::{path::Path, task::Poll};

use super::{
    looks::Looks,
    netns::{self, Names},
    processes::Processes,
    stacks::Stacks,
};
use crate::model::{
    foreign::Foreign,
    holder::Holder,
    identity::ProcessFacts,
    observation::{Observation, What},
    process::{Actor, Task},
    stack::{Stack, StackId},
    time::MonoNs,
};

/// Facts that no record holds.
///
/// They are read when an observation comes in, while its process is likeliest to be there, never
/// when an ending is told.
pub trait Facts: Send {
    /// Reads what is not known yet about who acts in `observation` and where.
    fn seen(&mut self, observation: &Observation);

    /// What is known of a process.
    fn of(&self, task: &Task) -> Option<&ProcessFacts>;

    /// The name of a network namespace, if it has one.
    fn netns_name(&self, inode: u32) -> Option<&Foreign>;

    /// Who holds a socket is wanted, by the inode of its descriptors.
    fn want_holders(&mut self, inode: u32);

    /// Who holds it now, told once for each wish; `None` when there was no time to look.
    fn holders(&mut self, inode: u32) -> Option<Vec<Holder>>;

    /// The stacks behind an act, told once for each; `None` when none were taken, or they found no
    /// room. Names may be pending for a while, unless there is a `hurry`.
    fn stack(&mut self, id: StackId, hurry: bool) -> Poll<Option<Stack>>;

    /// A turn is over, everything up to `now` is told: there is time for reading again.
    fn turn(&mut self, now: MonoNs);
}

/// Facts of this machine, now.
pub struct Live {
    processes: Processes,
    netns: Names,
    looks: Looks,
    stacks: Stacks,
}

impl Live {
    /// Facts from where every Linux keeps them.
    #[must_use]
    pub fn here() -> Self {
        Self::new(Path::new("/proc"), Path::new(netns::NAMES))
    }

    /// As this, where no stacks of programs will come in.
    #[must_use]
    pub fn without_stacks(mut self) -> Self {
        self.stacks.expect_none();
        self
    }

    /// Facts from where the proc file system is mounted and from the names of `ip netns`.
    #[must_use]
    pub fn new(proc: &Path, netns: &Path) -> Self {
        Self {
            processes: Processes::new(proc),
            netns: Names::new(netns, &proc.join("self/ns/net")),
            looks: Looks::new(proc),
            stacks: Stacks::new(proc),
        }
    }
}

impl Facts for Live {
    fn seen(&mut self, observation: &Observation) {
        if let What::ProcessExeced { task } = &observation.what {
            self.processes.execed(task);
        }
        if let What::HeldOpen { inode, .. } = observation.what
            && let Some(inode) = inode
        {
            self.looks.want(inode);
        }
        if let What::Stack(taken) = &observation.what {
            self.stacks.seen(taken.id(observation), taken);
        }
        // Processes that have nothing to do with connections are none of our business.
        let Some(flow) = observation.what.flow() else {
            return;
        };
        if let Actor::Task(task) = &observation.actor {
            self.processes.seen(task);
            self.stacks.expect(observation.at, task);
        }
        if let Some(netns) = flow.netns {
            self.netns.seen(netns);
        }
    }

    fn of(&self, task: &Task) -> Option<&ProcessFacts> {
        self.processes.of(task)
    }

    fn netns_name(&self, inode: u32) -> Option<&Foreign> {
        self.netns.of(inode)
    }

    fn want_holders(&mut self, inode: u32) {
        self.looks.want(inode);
    }

    fn holders(&mut self, inode: u32) -> Option<Vec<Holder>> {
        self.looks.look();
        self.looks.take(inode)
    }

    fn stack(&mut self, id: StackId, hurry: bool) -> Poll<Option<Stack>> {
        self.stacks.take(id, hurry)
    }

    fn turn(&mut self, now: MonoNs) {
        self.stacks.turn(now);
        self.processes.turn(now);
        self.netns.turn();
        self.looks.look();
    }
}

/// No facts at all.
pub struct Nothing;

impl Facts for Nothing {
    fn seen(&mut self, _observation: &Observation) {}

    fn of(&self, _task: &Task) -> Option<&ProcessFacts> {
        None
    }

    fn netns_name(&self, _inode: u32) -> Option<&Foreign> {
        None
    }

    fn want_holders(&mut self, _inode: u32) {}

    fn holders(&mut self, _inode: u32) -> Option<Vec<Holder>> {
        None
    }

    fn stack(&mut self, _id: StackId, _hurry: bool) -> Poll<Option<Stack>> {
        Poll::Ready(None)
    }

    fn turn(&mut self, _now: MonoNs) {}
}
