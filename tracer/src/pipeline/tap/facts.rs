//! The tap on what the world answers.

use std::{cell::RefCell, task::Poll};

use crate::{
    enrich::facts::Facts,
    model::{
        foreign::Foreign,
        holder::Holder,
        identity::ProcessFacts,
        observation::Observation,
        process::{Actor, Task},
        stack::{Stack, StackId},
        time::MonoNs,
    },
    record::{Answer, Known},
};

/// Facts whose answers are noted: each when it is first known, and when it changed.
///
/// Answers change only where an observation is seen, never while endings are told; so it is enough
/// that they are recorded before the call during which they were given.
pub struct Noted<F> {
    facts: F,
    /// `None` while nothing is recorded. Questions are asked of a shared reference.
    notes: Option<RefCell<Notes>>,
}

#[derive(Default)]
struct Notes {
    /// What the recording says already.
    said: Known,
    /// What it is to say next.
    answers: Vec<Answer>,
}

impl Notes {
    fn say(&mut self, answer: Answer) {
        self.answers.push(answer.clone());
        self.said.learn(answer);
    }
}

impl<F: Facts> Noted<F> {
    /// Facts of which nothing is noted.
    pub const fn new(facts: F) -> Self {
        Self { facts, notes: None }
    }

    /// Begins to note.
    pub(super) fn note(&mut self) {
        self.notes = Some(RefCell::default());
    }

    /// Ends it.
    pub(super) fn note_no_more(&mut self) {
        self.notes = None;
    }

    /// What was noted since this was last asked.
    pub(super) fn answers(&mut self) -> Vec<Answer> {
        let notes = self.notes.as_mut().map(RefCell::get_mut);
        notes.map_or_else(Vec::new, |notes| std::mem::take(&mut notes.answers))
    }

    fn note_process(&self, task: &Task) {
        let (Some(notes), Some(start_ns)) = (&self.notes, task.start_ns) else {
            return;
        };
        let mut notes = notes.borrow_mut();
        let facts = self.facts.of(task);
        if notes.said.process(task.pid, start_ns) != facts {
            notes.say(Answer::Process {
                pid: task.pid,
                start_ns,
                facts: facts.cloned(),
            });
        }
    }

    fn note_netns(&self, inode: u32) {
        let Some(notes) = &self.notes else { return };
        let mut notes = notes.borrow_mut();
        let name = self.facts.netns_name(inode);
        if notes.said.netns(inode) != name {
            notes.say(Answer::Netns {
                inode,
                name: name.cloned(),
            });
        }
    }
}

impl<F: Facts> Facts for Noted<F> {
    fn seen(&mut self, observation: &Observation) {
        self.facts.seen(observation);
        let Some(notes) = &mut self.notes else { return };
        // Here, where no ending is told that could still need it.
        let notes = notes.get_mut();
        while let Some(forget) = notes.said.surplus() {
            notes.say(forget);
        }
        // At once and not only when an ending asks: a recording may be cut before.
        let Some(flow) = observation.what.flow() else {
            return;
        };
        if let Actor::Task(task) = &observation.actor {
            self.note_process(task);
        }
        if let Some(netns) = flow.netns {
            self.note_netns(netns);
        }
    }

    fn of(&self, task: &Task) -> Option<&ProcessFacts> {
        self.note_process(task);
        self.facts.of(task)
    }

    fn netns_name(&self, inode: u32) -> Option<&Foreign> {
        self.note_netns(inode);
        self.facts.netns_name(inode)
    }

    fn want_holders(&mut self, inode: u32) {
        self.facts.want_holders(inode);
    }

    fn holders(&mut self, inode: u32) -> Option<Vec<Holder>> {
        let holders = self.facts.holders(inode);
        if let Some(notes) = &mut self.notes {
            notes.get_mut().answers.push(Answer::Look {
                inode,
                holders: holders.clone(),
            });
        }
        holders
    }

    fn stack(&mut self, id: StackId, hurry: bool) -> Poll<Option<Stack>> {
        let told = self.facts.stack(id, hurry);
        if let (Some(notes), Poll::Ready(stack)) = (&mut self.notes, &told) {
            let stack = stack.clone().map(Box::new);
            notes.get_mut().answers.push(Answer::Stack { id, stack });
        }
        told
    }

    fn turn(&mut self, now: MonoNs) {
        self.facts.turn(now);
    }
}
