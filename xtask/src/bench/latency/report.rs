//! The page of what was measured.

use std::fmt::Write as _;

use anyhow::Context as _;

use super::{
    super::figures::{self, Spread},
    Cost, Options, WAYS,
};

/// The manners to end, as they are measured.
const MANNERS: [&str; 2] = ["FINs", "an RST"];

/// What was measured, and where.
pub(super) struct Report<'a> {
    options: &'a Options,
    turns: &'a [Vec<[Cost; 2]>],
    place: String,
}

impl<'a> Report<'a> {
    /// Of the turns of each way.
    ///
    /// # Errors
    /// The machine does not say what it is.
    pub(super) fn of(options: &'a Options, turns: &'a [Vec<[Cost; 2]>]) -> anyhow::Result<Self> {
        let place = figures::place()?;
        turns.first().context("there is nothing to compare with")?;
        Ok(Self {
            options,
            turns,
            place,
        })
    }

    /// The page.
    pub(super) fn page(&self) -> String {
        let mut page = String::from(HEAD);
        for (manner, name) in MANNERS.iter().enumerate() {
            self.costs(&mut page, manner, name);
        }
        page.push_str("\n## In which programs\n");
        for (manner, name) in MANNERS.iter().enumerate() {
            self.programs(&mut page, manner, name);
        }
        let _infallible = writeln!(
            page,
            "\nMeasured on {}; {} turns of each way, {} connections each.",
            self.place, self.options.turns, self.options.connections
        );
        page
    }

    fn costs(&self, page: &mut String, manner: usize, name: &str) {
        let _infallible = write!(page, "\nA connection that ends by {name}:\n\n{TABLE}");
        let cost = |turn: &[Cost; 2]| turn.get(manner).cloned().unwrap_or_default();
        let nothing = self.turns.first();
        let off: Vec<_> = nothing.into_iter().flatten().map(cost).collect();
        for ((way, _), turns) in WAYS.iter().zip(self.turns) {
            let own: Vec<_> = turns.iter().map(cost).collect();
            let of = |number: fn(&Cost) -> u64| {
                Spread::of(own.iter().map(|it| number(it).cast_signed())).shown()
            };
            let more = own
                .iter()
                .zip(&off)
                .map(|(own, off)| own.connection.cast_signed() - off.connection.cast_signed());
            let _infallible = writeln!(
                page,
                "| {way} | {} | {} | {} | {} |",
                of(|it| it.connection),
                Spread::of(more).shown(),
                of(|it| it.programs.values().map(|(ns, _)| ns).sum()),
                of(|it| it.finrst),
            );
        }
    }

    /// What each program of each way took, the middle turn of each.
    fn programs(&self, page: &mut String, manner: usize, name: &str) {
        let _infallible = write!(page, "\nOf a connection that ends by {name}:\n\n{PROGRAMS}");
        for ((way, _), turns) in WAYS.iter().zip(self.turns).skip(1) {
            let costs: Vec<_> = turns.iter().filter_map(|turn| turn.get(manner)).collect();
            let Some(first) = costs.first() else { continue };
            for program in first.programs.keys() {
                let ran = || costs.iter().filter_map(|it| it.programs.get(program));
                let ns = Spread::of(ran().map(|(ns, _)| ns.cast_signed()));
                let runs = Spread::of(ran().map(|(_, runs)| runs.cast_signed()));
                let each = ran().map(|(ns, runs)| (ns * 10 / runs.max(&1)).cast_signed());
                let _infallible = writeln!(
                    page,
                    "| {way} | `{program}` | {} | {} | {} |",
                    runs.shown(),
                    Spread::of(each).shown(),
                    ns.shown(),
                );
            }
        }
    }
}

const HEAD: &str = "\
# What gathering latencies costs a connection

`cargo xtask bench latency --write docs/benchmarks/latency.md` measures it again.

One thread connects with itself over loopback and closes both ends, so that both sockets' hooks and softirqs
run on its account and no wake-up is measured; finrst has another processor. The ways take turns; *more* is
the difference to nothing in the same turn. *Programs* is the kernel's count of all programs
(`BPF_ENABLE_STATS`) in a run of its own, its looks at the clock included, *finrst* what its threads ran
meanwhile. Nanoseconds a connection, two sockets: the median of the turns, and the quartiles. What else ends
on the machine counts as well.
";

const TABLE: &str = "\
| beside the connections runs | a connection takes | more | programs | finrst |
|---|---|---|---|---|
";

const PROGRAMS: &str = "\
| way | program | runs | ns a run | ns a connection |
|---|---|---|---|---|
";
