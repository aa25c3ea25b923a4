//! The last lines of a console, for when a guest ends that should not have.

use std::{collections::VecDeque, fmt};

/// How many are kept.
const KEPT: usize = 4;

/// The last lines that say something.
#[derive(Debug, Default)]
pub(super) struct LastLines(VecDeque<String>);

impl LastLines {
    /// Keeps a line, unless it is empty, and forgets the oldest.
    pub(super) fn add(&mut self, line: &str) {
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(line.to_owned());
    }
}

impl fmt::Display for LastLines {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, line) in self.0.iter().enumerate() {
            write!(out, "{}{line}", if at == 0 { "" } else { " | " })?;
        }
        if self.0.is_empty() {
            write!(out, "nothing")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_that_say_something_are_kept() {
        let mut last = LastLines::default();
        assert_eq!(last.to_string(), "nothing");
        for line in ["a", "", "b", "c \t", "d", "e"] {
            last.add(line);
        }
        assert_eq!(last.to_string(), "b | c | d | e");
    }
}
