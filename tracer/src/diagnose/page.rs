//! The shape of the pages `finrst explain` shows.

use std::fmt;

/// All there is to say about one cause, whoever has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The cause in a few words.
    pub title: &'static str,
    /// What the kernel did, and what both ends saw of it.
    pub happened: &'static str,
    /// How to see it with other tools.
    pub confirm: &'static [Step],
    /// What usually fixes it, or why nothing needs to be.
    pub fix: &'static str,
    /// Kernel functions with their files, and sections of standards.
    pub source: &'static [&'static str],
}

/// One command and what it shows; words in capitals are the reader's to replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The command.
    pub run: &'static str,
    /// What to look for in its output.
    pub shows: &'static str,
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.title)?;
        writeln!(f, "What happened\n{}\n", self.happened)?;
        writeln!(f, "How to confirm it")?;
        for step in self.confirm {
            writeln!(f, "  $ {}\n    {}", step.run, step.shows)?;
        }
        writeln!(f, "\nWhat usually helps\n{}\n", self.fix)?;
        writeln!(f, "Source")?;
        for source in self.source {
            writeln!(f, "  {source}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{diagnose::page, model::cause::Cause};

    #[test]
    fn every_cause_has_a_page_of_its_own_that_says_all_there_is_to_say() {
        for &cause in Cause::ALL {
            let page = page(cause);
            assert!(page.title.starts_with(cause.code()), "{}", page.title);
            assert!(page.happened.len() > 200, "{}", page.title);
            assert!(page.confirm.len() >= 3, "{}", page.title);
            assert!(!page.fix.is_empty() && !page.source.is_empty());
            let shown = page.to_string();
            assert!(page.confirm.iter().all(|step| shown.contains(step.run)));
        }
    }

    #[test]
    fn no_line_of_prose_is_wider_than_a_terminal() {
        for &cause in Cause::ALL {
            let page = page(cause);
            for line in page.happened.lines().chain(page.fix.lines()) {
                assert!(line.len() <= 80, "{line}");
            }
        }
    }
}
