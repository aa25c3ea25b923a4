//! The confusion table: what became of every segment, by the program that sent it.

use std::{collections::BTreeMap, fmt};

use super::judge::Reasons;

/// What became of the segments of one program.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// Joined to its act, the owner right.
    pub(super) right: u64,
    /// Joined, the owner not known.
    pub(super) unknown: u64,
    /// Joined, the owner wrong.
    pub(super) wrong: u64,
    /// Told as its own by more than one ending.
    pub(super) twice: u64,
    /// Reported as without an event, by reason.
    pub(super) unjoined: Reasons,
    /// In no output at all.
    pub(super) missing: u64,
}

/// A row for each program, in the order they were first met by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Table(BTreeMap<&'static str, Row>);

impl Table {
    /// The row of a program.
    pub(super) fn row(&mut self, name: &'static str) -> &mut Row {
        self.0.entry(name).or_default()
    }

    /// All rows added up.
    pub(super) fn total(&self) -> Row {
        let mut total = Row::default();
        for row in self.0.values() {
            total.right += row.right;
            total.unknown += row.unknown;
            total.wrong += row.wrong;
            total.twice += row.twice;
            total.missing += row.missing;
            for (reason, count) in &row.unjoined {
                *total.unjoined.entry(reason.clone()).or_default() += count;
            }
        }
        total
    }
}

impl fmt::Display for Table {
    /// As a table of Markdown.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total();
        write!(
            out,
            "| sent by | joined, owner right | owner unknown | owner wrong | joined twice |"
        )?;
        for reason in total.unjoined.keys() {
            write!(out, " unjoined: {reason} |")?;
        }
        writeln!(out, " missing |")?;
        write!(out, "|---|--:|--:|--:|--:|")?;
        for _ in &total.unjoined {
            write!(out, "--:|")?;
        }
        writeln!(out, "--:|")?;
        let rows = self.0.iter().map(|(name, row)| (*name, row));
        for (name, row) in rows.chain([("**all**", &total)]) {
            write!(
                out,
                "| {name} | {} | {} | {} | {} |",
                row.right, row.unknown, row.wrong, row.twice
            )?;
            for reason in total.unjoined.keys() {
                write!(out, " {} |", row.unjoined.get(reason).unwrap_or(&0))?;
            }
            writeln!(out, " {} |", row.missing)?;
        }
        Ok(())
    }
}
