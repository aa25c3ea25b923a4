//! Endings that wait for the names of their stacks, told in the order they were settled.

use std::{collections::VecDeque, task::Poll};

use crate::{
    enrich::facts::Facts,
    model::{ending::Ending, stack::Stack},
};

/// Endings that may wait; beyond, the first is told with what there is.
const LIMIT: usize = 4_096;

/// The endings that wait, each with the stacks of its first acts; behind those of all, the one of who
/// asked for the close.
#[derive(Default)]
pub(super) struct Untold(VecDeque<(Ending, Vec<Option<Stack>>)>);

/// Whether stacks were taken behind an ending, and it may have to wait for their names.
pub(super) fn has_stacks(ending: &Ending) -> bool {
    let asked = ending.asked.and_then(|asked| asked.stack);
    asked.is_some() || ending.acts.iter().any(|act| act.stack.is_some())
}

impl Untold {
    /// Adds an ending behind those that wait.
    pub(super) fn push(&mut self, ending: Ending) {
        self.0.push_back((ending, Vec::new()));
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first ending with a stack for each act that has one, and for who asked, once they are
    /// there; with a `hurry` at once.
    pub(super) fn pop(
        &mut self,
        facts: &mut impl Facts,
        hurry: bool,
    ) -> Option<(Ending, Vec<Option<Stack>>)> {
        let hurry = hurry || self.0.len() > LIMIT;
        let (ending, stacks) = self.0.front_mut()?;
        let asked = ending.asked.and_then(|asked| asked.stack);
        let taken = ending.acts.iter().map(|act| act.stack);
        for taken in taken.chain([asked]).skip(stacks.len()) {
            let told = taken.map(|id| facts.stack(id, hurry));
            match told {
                Some(Poll::Pending) => return None,
                Some(Poll::Ready(stack)) => stacks.push(stack),
                None => stacks.push(None),
            }
        }
        self.0.pop_front()
    }
}
