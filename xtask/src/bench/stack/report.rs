//! The page of what stacks cost.

use std::fmt::Write as _;

use super::{
    super::figures::{self, Spread},
    Cost, Memory, Options, Turn,
    subject::{Resident, WAYS},
};

/// What was measured, and where.
pub(super) struct Report<'a> {
    options: &'a Options,
    turns: &'a [Vec<Turn>],
    memory: Vec<Memory>,
    place: String,
}

impl<'a> Report<'a> {
    /// Of the turns of each choice.
    ///
    /// # Errors
    /// The machine does not say what it is.
    pub(super) fn of(
        options: &'a Options,
        turns: &'a [Vec<Turn>],
        memory: Vec<Memory>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            options,
            turns,
            memory,
            place: figures::place()?,
        })
    }

    /// The page.
    pub(super) fn page(&self) -> String {
        // Writing to a string does not fail.
        let mut page = String::from(HEAD);
        self.costs(&mut page, "by resets", |turn| turn.reset);
        self.costs(&mut page, "by FINs", |turn| turn.fin);
        page.push_str(DELAYS);
        for (way, turns) in WAYS.iter().zip(self.turns) {
            // Tenths of nanoseconds as tenths of milliseconds.
            let shown = |of: fn(&Turn) -> u64| {
                let turns = turns.iter();
                Spread::of(turns.map(|turn| (of(turn) / 1_000_000).cast_signed())).shown()
            };
            let (first, later) = (shown(|turn| turn.first), shown(|turn| turn.later));
            let _infallible = writeln!(page, "| `{way}` | {first} | {later} |");
        }
        let resets = self.options.resets;
        let _infallible = write!(page, "{MEMORY}{}", heading(resets));
        for memory in &self.memory {
            let [start, half, whole] = memory.resident.map(mebibytes);
            let programs = if memory.many { "many" } else { "one" };
            let named = match memory.way {
                "none" => "–".to_owned(),
                _ => format!("{} of {}", memory.told.named, memory.told.resets),
            };
            let _infallible = writeln!(
                page,
                "| {programs} | `{}` | {start} | {half} | {whole} | {named} |",
                memory.way
            );
        }
        let _infallible = writeln!(
            page,
            "\nMeasured on {}; {} turns of each choice, {} connections a turn.",
            self.place, self.options.turns, self.options.connections
        );
        page
    }

    /// The rows of one manner to end.
    fn costs(&self, page: &mut String, manner: &str, of: fn(&Turn) -> Cost) {
        for (way, turns) in WAYS.iter().zip(self.turns) {
            let shown = |part: fn(Cost) -> u64| {
                let costs = turns.iter().map(of);
                Spread::of(costs.map(|cost| part(cost).cast_signed())).shown()
            };
            let _infallible = writeln!(
                page,
                "| {manner} | `{way}` | {} | {} | {} | {} |",
                shown(|cost| cost.run),
                shown(|cost| cost.hooks),
                shown(|cost| cost.finrst),
                shown(|cost| cost.names),
            );
        }
    }
}

/// The head of the table of memory.
fn heading(resets: u64) -> String {
    format!(
        "| programs | `--stack` | attached | after {resets} resets | after {} | told with a name |\n\
         |---|---|---|---|---|---|\n",
        resets * 2
    )
}

/// Both kinds, in MiB.
fn mebibytes(resident: Resident) -> String {
    let tenths = |kib: u64| {
        let tenths = kib * 10 / 1_024;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    format!("{} + {}", tenths(resident.own), tenths(resident.files))
}

const HEAD: &str = "\
# What stacks cost

`cargo xtask bench stack --write docs/benchmarks/stack.md` measures it again.

A program of C makes connections to itself over loopback, one after the other, and ends them out of 64
functions in turn: by a close with data unread, which is one reset, or by a close on each side, two FINs.
The choices of `--stack` take turns. Nanoseconds: the median of the turns, and the quartiles.

*A run* is the kernel's count (`BPF_ENABLE_STATS`, its two looks at the clock included) of the hook that
takes the stack: `tcp_send_active_reset` (the function, or where functions cannot be hooked the tracepoint
`tcp_send_reset`), or `inet_sock_set_state`, which runs for every state and takes a stack for few. *All hooks*
is the same of all programs together for one connection, both of its ends. *finrst* is what its threads ran
for one ending, in user mode and in the kernel, with all names found before; *names* is the part of the thread
that finds them. By *default* both stacks are taken, of resets sent alone; with `kernel`, `user` and `both` of
every act that may close: a reset has three then, for both ends also change to the state `CLOSE`.

| connections end | `--stack` | a run | all hooks | finrst | names |
|---|---|---|---|---|---|
";

const DELAYS: &str = "
## Until an ending is told

Milliseconds from a reset to the line of its ending, with `--settle 1ms`: of the first a finrst sees, whose names
are loaded meanwhile, those of the kernel included, and of later ones, by names that are known. `none` is what
it takes without names.

| `--stack` | the first | later ones |
|---|---|---|
";

const MEMORY: &str = "
## Memory

MiB of finrst: its own memory + what it has mapped of files. *Many* is a program of its own, another
file, for each 64 resets; each lives until its endings are told. Caches are bounded by bytes, files and
processes (docs/decisions/0019): what many programs take stops growing once they are full, which more
`--resets` show. *Told with a name* counts the resets whose innermost function has one.

";
