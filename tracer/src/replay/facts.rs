//! What the world answered when the recording was made.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    task::Poll,
};

use crate::{
    enrich::facts::Facts,
    model::{
        foreign::Foreign,
        holder::Holder,
        identity::ProcessFacts,
        observation::Observation,
        process::Task,
        stack::{Stack, StackId},
        time::MonoNs,
    },
    record::{Answer, Known},
};

/// Facts out of a recording.
#[derive(Debug, Default)]
pub struct Recorded {
    known: Known,
    /// The looks of the turn to come, first made first.
    looks: HashMap<u32, VecDeque<Option<Vec<Holder>>>>,
    /// The stacks of the acts told in the turn to come.
    stacks: HashMap<StackId, Option<Stack>>,
    names: Names,
}

/// What gives recorded stacks other names; nothing does by default.
#[derive(Default)]
struct Names(Option<Box<dyn FnMut(Stack) -> Stack + Send>>);

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Names").field(&self.0.is_some()).finish()
    }
}

impl Recorded {
    /// The same, with stacks as something else names them.
    #[must_use]
    pub fn named_by(self, name: impl FnMut(Stack) -> Stack + Send + 'static) -> Self {
        Self {
            names: Names(Some(Box::new(name))),
            ..self
        }
    }

    /// Takes in an answer.
    pub(super) fn learn(&mut self, answer: Answer) {
        match answer {
            Answer::Look { inode, holders } => {
                self.looks.entry(inode).or_default().push_back(holders);
            }
            Answer::Stack { id, stack } => drop(self.stacks.insert(id, stack.map(|stack| *stack))),
            answer @ (Answer::Process { .. } | Answer::Netns { .. }) => self.known.learn(answer),
        }
    }

    /// A turn is over: what nobody asked for in it, nobody will.
    pub(super) fn forget_looks(&mut self) {
        self.looks.clear();
        self.stacks.clear();
    }
}

impl Facts for Recorded {
    fn seen(&mut self, _observation: &Observation) {}

    fn of(&self, task: &Task) -> Option<&ProcessFacts> {
        self.known.process(task.pid, task.start_ns?)
    }

    fn netns_name(&self, inode: u32) -> Option<&Foreign> {
        self.known.netns(inode)
    }

    fn want_holders(&mut self, _inode: u32) {}

    fn holders(&mut self, inode: u32) -> Option<Vec<Holder>> {
        self.looks.get_mut(&inode)?.pop_front().flatten()
    }

    fn stack(&mut self, id: StackId, hurry: bool) -> Poll<Option<Stack>> {
        match self.stacks.remove(&id) {
            Some(stack) => Poll::Ready(match &mut self.names.0 {
                Some(name) => stack.map(name),
                None => stack,
            }),
            None if hurry => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn turn(&mut self, _now: MonoNs) {}
}
