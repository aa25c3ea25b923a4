//! The names of stacks, found once for each and kept while a look has it.

use std::{collections::HashMap, sync::Arc};

use super::{Code, Found, Touch};
use crate::model::stack::{Stack, Taken};

/// What is known of each stack.
#[derive(Debug, Default)]
pub struct Names(HashMap<usize, (Arc<Taken>, Option<Stack>)>);

impl Names {
    /// The stack with its names; `None` while nobody found them.
    #[must_use]
    pub fn of(&self, taken: &Arc<Taken>) -> Option<&Stack> {
        let (_, stack) = self.0.get(&key(taken))?;
        stack.as_ref()
    }

    /// The place that stands for a stack.
    #[must_use]
    pub fn code(&self, taken: &Arc<Taken>) -> Option<Code> {
        self.of(taken).and_then(Code::of)
    }

    /// Takes in what was found of a stack; nothing is asked again.
    pub fn learn(&mut self, taken: Arc<Taken>, stack: Option<Stack>) {
        self.0.insert(key(&taken), (taken, stack));
    }

    /// Forgets what a look has not; says of which of its stacks nothing is known.
    pub fn renew(&mut self, found: &Found) -> Vec<Arc<Taken>> {
        let mut wanted = HashMap::new();
        for leaked in &found.leaked {
            let touches = [&leaked.got, &leaked.last].into_iter().flatten();
            let stacks = touches.filter_map(|touch: &Touch| touch.stack.as_ref());
            wanted.extend(stacks.map(|taken| (key(taken), taken)));
        }
        self.0.retain(|key, _| wanted.contains_key(key));
        wanted.retain(|key, _| !self.0.contains_key(key));
        wanted.into_values().map(Arc::clone).collect()
    }
}

/// One stack is one allocation, as long as it is kept.
fn key(taken: &Arc<Taken>) -> usize {
    Arc::as_ptr(taken).addr()
}
