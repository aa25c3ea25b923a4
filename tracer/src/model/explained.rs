//! What an ending means, in words for people.

use std::fmt::{Display, Write as _};

/// The answer to who, what and why, with what supports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// One or two plain sentences.
    pub text: String,
    /// What usually helps; empty when nothing is wrong.
    pub advice: &'static str,
    /// The facts behind it.
    pub evidence: Evidence,
}

/// Facts, each as `name=value`, in one piece of memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Evidence {
    /// None yet, with room for as many as most endings have.
    #[must_use]
    pub fn with_room() -> Self {
        Self {
            text: String::with_capacity(256),
            ends: Vec::with_capacity(16),
        }
    }

    /// Adds a fact by its name.
    pub fn add(&mut self, name: &str, value: impl Display) {
        self.text.push_str(name);
        self.text.push('=');
        // Writing to a string does not fail.
        let _ = write!(self.text, "{value}");
        self.ends.push(self.text.len());
    }

    /// Each fact, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let range = |(begin, &end)| self.text.get(begin..end).unwrap_or_default();
        begins.zip(&self.ends).map(range)
    }
}
