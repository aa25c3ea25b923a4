//! The verdicts: how often finrst told each cause that scenes bring about, and how surely.

use std::{collections::BTreeMap, fmt, ops::AddAssign};

use super::{Lab, compare, told::Ending};
use crate::scene::truth::Expected;

/// What was told of acts that had one cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// That cause, proved.
    pub(crate) exact: u32,
    /// That cause, as likely.
    pub(crate) likely: u32,
    /// No cause.
    pub(crate) unknown: u32,
    /// Another cause.
    pub(crate) wrong: u32,
    /// Nothing, because this kernel does not let the act be seen this way.
    pub(crate) unseen: u32,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.exact += other.exact;
        self.likely += other.likely;
        self.unknown += other.unknown;
        self.wrong += other.wrong;
        self.unseen += other.unseen;
    }
}

impl Count {
    /// Whether something was not told that had happened.
    pub(crate) fn has_gap(self) -> bool {
        self.unknown + self.unseen > 0
    }

    /// One cause that was told as it was, this surely.
    pub(crate) fn right(confidence: &str) -> Self {
        let mut count = Self::default();
        count.tell(true, "", confidence);
        count
    }

    /// Counts one cause that was told where another, or the same, had been expected.
    fn tell(&mut self, same: bool, cause: &str, confidence: &str) {
        let count = match (same, confidence) {
            (true, "exact") => &mut self.exact,
            (true, _) => &mut self.likely,
            (false, _) if cause == "unknown" => &mut self.unknown,
            (false, _) => &mut self.wrong,
        };
        *count += 1;
    }
}

impl fmt::Display for Count {
    /// The cell of a table: `3`, `2~` for likely, `1?` for unknown, `1!` for wrong, `1–` for unseen.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.exact, ""),
            (self.likely, "~"),
            (self.unknown, "?"),
            (self.wrong, "!"),
            (self.unseen, "–"),
        ];
        let told = parts.iter().filter(|(count, _)| *count > 0);
        let cell: Vec<_> = told.map(|(count, mark)| format!("{count}{mark}")).collect();
        out.pad(&cell.join(" "))
    }
}

/// What was told of each cause, by its code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdicts(BTreeMap<String, Count>);

impl AddAssign for Verdicts {
    fn add_assign(&mut self, other: Self) {
        for (cause, count) in other.0 {
            *self.0.entry(cause).or_default() += count;
        }
    }
}

impl Verdicts {
    /// What was told of the acts a scene expects.
    pub(crate) fn of(lab: &Lab, expected: &[Expected], endings: &[Ending]) -> Self {
        let mut verdicts = Self::default();
        for expected in expected {
            let told = endings.iter().find(|it| compare::is_of(it, expected));
            verdicts.count(lab, expected, told);
        }
        verdicts
    }

    /// Compares the acts of one ending, in order.
    fn count(&mut self, lab: &Lab, expected: &Expected, told: Option<&Ending>) {
        let mut acts = told.into_iter().flat_map(|it| &it.acts).peekable();
        for act in &expected.acts {
            let (how, cause) = act
                .trim_end_matches('?')
                .split_once('/')
                .unwrap_or_default();
            let found = acts.next_if(|it| it.how == how);
            // Any other cause than this one is right, and which it is does not matter here.
            if cause.starts_with('!') || (found.is_none() && act.ends_with('?')) {
                continue;
            }
            let count = self.0.entry(cause.to_owned()).or_default();
            match found {
                Some(act) if compare::by_slowness(lab, cause, &act.cause) => {}
                Some(act) => count.tell(act.cause == cause, &act.cause, &act.confidence),
                None if compare::can_be_seen(lab, expected) => count.unknown += 1,
                None => count.unseen += 1,
            }
        }
    }

    /// Takes down what was told of one cause.
    pub(crate) fn add(&mut self, cause: &str, count: Count) {
        *self.0.entry(cause.to_owned()).or_default() += count;
    }

    /// What was told of a cause; nothing where no scene had it.
    pub(crate) fn get(&self, cause: &str) -> Option<Count> {
        self.0.get(cause).copied()
    }

    /// Each cause with what was told of it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Count)> {
        self.0.iter().map(|(cause, count)| (cause.as_str(), *count))
    }
}

/// One line of `xtask lab --lines`: `cause WAY CODE EXACT LIKELY UNKNOWN WRONG UNSEEN`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct VerdictLine<'line> {
    /// The way of attaching that was forced.
    pub(crate) way: &'line str,
    /// The cause.
    pub(crate) cause: &'line str,
    /// What was told of it in the whole run.
    pub(crate) count: Count,
}

impl<'line> VerdictLine<'line> {
    /// Reads a line; `None` for every other line of a console.
    pub(crate) fn read(line: &'line str) -> Option<Self> {
        let mut words = line.strip_prefix("cause ")?.split_whitespace();
        let (way, cause) = (words.next()?, words.next()?);
        let mut number = || words.next()?.parse().ok();
        let count = Count {
            exact: number()?,
            likely: number()?,
            unknown: number()?,
            wrong: number()?,
            unseen: number()?,
        };
        Some(Self { way, cause, count })
    }
}

impl fmt::Display for VerdictLine<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { way, cause, count } = self;
        let Count {
            exact,
            likely,
            unknown,
            wrong,
            unseen,
        } = count;
        write!(
            out,
            "cause {way} {cause} {exact} {likely} {unknown} {wrong} {unseen}"
        )
    }
}

/// The codes of all causes, in the order of the catalogue.
pub(crate) fn codes() -> impl Iterator<Item = &'static str> {
    let catalogue = include_str!("../../../tracer/src/model/cause.rs");
    let lines = catalogue.lines();
    let codes = lines.filter_map(|line| line.trim().strip_suffix("\";")?.split_once(" = \""));
    codes.map(|(_, code)| code)
}

/// Verdicts of several runs side by side, a row for each cause.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<(String, Verdicts)>);

impl Table {
    /// What the marks in the cells mean.
    pub(crate) const LEGEND: &'static str = "A column is a kernel and a way to reach it: f by fentry, k by \
         kprobe, t by tracepoint alone. A number alone counts verdicts that are exact; ~ likely, ? unknown, \
         ! wrong, – what cannot be seen this way.";

    /// Adds a run by this name; runs of the same name become one.
    pub(crate) fn add(&mut self, name: String, verdicts: Verdicts) {
        match self.0.iter_mut().find(|it| it.0 == name) {
            Some(run) => run.1 += verdicts,
            None => self.0.push((name, verdicts)),
        }
    }

    /// Whether nothing was told in any run.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|it| it.1.iter().next().is_none())
    }

    /// What was told of a cause in all runs together.
    pub(crate) fn together(&self, cause: &str) -> Count {
        let counts = self.0.iter().filter_map(|it| it.1.get(cause));
        counts.fold(Count::default(), |mut all, count| {
            all += count;
            all
        })
    }

    /// The short name of a run: the kernel's series and the first letter of the way.
    pub(crate) fn column(release: &str, way: &str) -> String {
        let mut numbers = release.split(['.', '-']);
        let series = [numbers.next(), numbers.next()].map(Option::unwrap_or_default);
        format!("{} {}", series.join("."), way.get(..1).unwrap_or_default())
    }

    /// The table as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|it| it.0.as_str()).collect();
        let mut lines = vec![
            format!("| cause | {} |", names.join(" | ")),
            format!("|---|{}", "---|".repeat(names.len())),
        ];
        for code in codes() {
            let cell = |run: &(String, Verdicts)| {
                run.1
                    .get(code)
                    .map_or_else(String::new, |it| it.to_string())
            };
            let cells: Vec<_> = self.0.iter().map(cell).collect();
            lines.push(format!("| {code} | {} |", cells.join(" | ")));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:29}", "cause")?;
        for (name, _) in &self.0 {
            write!(out, "{name:>7}")?;
        }
        writeln!(out)?;
        let told = codes().filter(|code| self.0.iter().any(|it| it.1.get(code).is_some()));
        for code in told {
            write!(out, "{code:29}")?;
            for (_, verdicts) in &self.0 {
                write!(out, "{:>7}", verdicts.get(code).unwrap_or_default())?;
            }
            writeln!(out)?;
        }
        let wrong: u32 = codes().map(|code| self.together(code).wrong).sum();
        write!(out, "{wrong} wrong. {}", Self::LEGEND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: Count = Count {
        exact: 3,
        likely: 1,
        unknown: 0,
        wrong: 2,
        unseen: 4,
    };

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let line = VerdictLine {
            way: "kprobe",
            cause: "linger_zero",
            count: COUNT,
        };
        let text = line.to_string();
        assert_eq!(VerdictLine::read(&text), Some(line));
        assert_eq!(VerdictLine::read("lab kprobe scene/x ok"), None);
        assert_eq!(VerdictLine::read("cause kprobe linger_zero 1"), None);
    }

    #[test]
    fn a_cell_shows_what_is_wrong_and_what_cannot_be_seen() {
        assert_eq!(COUNT.to_string(), "3 1~ 2! 4–");
        let unseen = Count {
            unseen: 4,
            ..Count::default()
        };
        assert_eq!(unseen.to_string(), "4–");
        assert!(unseen.has_gap());
    }

    #[test]
    fn a_cause_told_otherwise_is_wrong_and_one_not_told_is_unknown() {
        let mut count = Count::default();
        count.tell(true, "refused", "exact");
        count.tell(true, "refused", "likely");
        count.tell(false, "unknown", "unknown");
        count.tell(false, "peer_reset", "exact");
        assert_eq!(
            (count.exact, count.likely, count.unknown, count.wrong),
            (1, 1, 1, 1)
        );
    }

    #[test]
    fn runs_of_one_name_are_one_column() {
        let mut table = Table::default();
        let mut verdicts = Verdicts::default();
        verdicts.add("refused", COUNT);
        assert_eq!(Table::column("5.10.0-43-cloud-amd64", "fentry"), "5.10 f");
        table.add("5.10 f".to_owned(), verdicts.clone());
        table.add("5.10 f".to_owned(), verdicts);
        assert_eq!(table.together("refused").exact, 6);
        assert!(table.markdown().contains("| refused | 6 2~ 4! 8– |"));
        assert!(table.to_string().contains("4 wrong"));
    }
}
