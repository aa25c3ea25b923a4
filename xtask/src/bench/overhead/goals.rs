//! What finrst wants to cost, and what it does.

use std::fmt::Write as _;

use super::{
    Measured,
    cost::Cost,
    report::{micros, middle},
    way::{FLOOR, JSON, NOTHING, ONE_LINERS, TCPLIFE, TCPSTATES, TEXT, UNMATCHED},
};

/// Why goals are not reached that were not, so far.
const WHY_KERNEL: &str = "a life is six runs, 50 ns of each the statistics' own and up to 200 the hand-over of a \
     record ([0028](decisions/0028-what-a-hook-costs.md), [0036](decisions/0036-a-sockets-events-are-not-folded.md))";
const WHY_USER: &str = "an ending is six records and 3 KB of JSON; much of it is waiting for memory \
     ([0030](decisions/0030-what-an-ending-costs.md), [0033](decisions/0033-sockets-that-sleep.md))";
const WHY_START: &str = "the verifier, maps, buffers and the kernel's types \
     ([0034](decisions/0034-what-a-start-reads.md))";
const WHY_SLOWER: &str = "the watcher competes for the same two processors";

/// So many sockets are few.
const FEW: u64 = 1_000;

/// The table of goals: what was wanted, what was measured, whether that is enough.
pub(super) fn table(measured: &Measured) -> String {
    let mut table = Table(String::from(
        "| goal | measured | | why not |\n|---|---|---|---|\n",
    ));
    table.alone(measured);
    table.at_saturation(measured);
    table.beside_peers(measured);
    table.at_scale(measured);
    table.0
}

/// The median of the turns of connections that end by FINs.
fn of(measured: &Measured, way: usize, number: fn(&Cost) -> u64) -> u64 {
    let turns = measured.costs.get(way).into_iter().flatten();
    middle(turns.map(|[fin, _]| number(fin)))
}

/// Goals so far.
struct Table(String);

impl Table {
    fn row(&mut self, goal: &str, shown: &str, reached: bool, why: &str) {
        let (word, why) = if reached {
            ("reached", "")
        } else {
            ("**not reached**", why)
        };
        let _infallible = writeln!(self.0, "| {goal} | {shown} | {word} | {why} |");
    }

    /// A connection over loopback is two lives, and two endings.
    fn alone(&mut self, measured: &Measured) {
        let kernel = of(measured, JSON, |it| it.programs) / 2;
        let goal = "kernel side ≤ 1.0 µs a connection's life";
        let shown = format!("{} µs", micros(kernel));
        self.row(goal, &shown, kernel <= 10_000, WHY_KERNEL);
        let floor = of(measured, FLOOR, |it| it.programs) / 2;
        let shown = format!("{} × {} µs", ratio(kernel, floor), micros(floor));
        let why = "an empty program reads no socket and hands nothing over";
        self.row("≤ 2 × empty programs", &shown, kernel <= floor * 2, why);
        let copying = of(measured, FLOOR + 1, |it| it.programs) / 2;
        let shown = format!("{} × {} µs", ratio(kernel, copying), micros(copying));
        let goal = "≤ 2 × programs that copy a record";
        self.row(goal, &shown, kernel <= copying * 2, "");
        let user = of(measured, JSON, |it| it.watcher) / 2;
        let goal = "user side ≤ 3 µs an ending as JSON";
        self.row(
            goal,
            &format!("{} µs", micros(user)),
            user <= 30_000,
            WHY_USER,
        );
        let unmatched = of(measured, UNMATCHED, |it| it.programs);
        let goal = "a filter that matches nothing ≤ 0.3 µs a connection";
        self.row(
            goal,
            &format!("{} µs", micros(unmatched)),
            unmatched <= 3_000,
            &format!("as many empty programs take {} µs", micros(floor * 2)),
        );
        let started = of(measured, JSON, |it| it.started_ms);
        let shown = format!("{}.{} ms", started / 10, started % 10);
        self.row(
            "startup to attached ≤ 150 ms",
            &shown,
            started <= 1_500,
            WHY_START,
        );
    }

    fn at_saturation(&mut self, measured: &Measured) {
        let slower = slowdown(measured, JSON);
        let shown = format!("{}.{} %", slower / 10, slower % 10);
        let goal = "slowdown of a saturated churn ≤ 2 %";
        self.row(goal, &shown, slower <= 20, WHY_SLOWER);
        let turns = measured.saturated.iter().filter(|it| it.0 == JSON);
        let lost: u64 = turns.flat_map(|it| &it.1).map(|it| it.lost).sum();
        let goal = "nothing lost at saturation, default buffers";
        self.row(goal, &lost.to_string(), lost == 0, "");
    }

    fn beside_peers(&mut self, measured: &Measured) {
        let whole = |way| of(measured, way, |it| it.programs + it.watcher);
        for (goal, way, times) in [
            ("≥ 5 × cheaper than tcpstates", TCPSTATES, 5),
            ("≥ 5 × cheaper than the bpftrace one-liner", ONE_LINERS, 5),
            ("cheaper than tcplife", TCPLIFE, 1),
        ] {
            for (as_what, ours) in [("both as text", TEXT), ("finrst as JSON", JSON)] {
                let shown = format!("{} ×", ratio(whole(way), whole(ours)));
                let reached = whole(way) >= whole(ours) * times;
                let goal = format!("{goal}, {as_what}");
                self.row(
                    &goal,
                    &shown,
                    reached,
                    "as the kernel's and the user's side",
                );
            }
        }
    }

    fn at_scale(&mut self, measured: &Measured) {
        let mut crowds = measured.crowded.iter();
        let few = crowds.find(|it| it.sockets >= FEW);
        let Some((few, many)) = few.zip(measured.crowded.last()) else {
            return;
        };
        let goal = format!("{} tracked sockets ≤ 200 MB", many.sockets);
        let shown = format!("{} MiB", many.resident_kib / 1_024);
        let why = "24 MiB are buffers ([0033](decisions/0033-sockets-that-sleep.md), \
                   [0035](decisions/0035-a-ring-for-each-cpu.md))";
        self.row(&goal, &shown, many.resident_kib * 1_024 <= 200_000_000, why);
        let goal = "an ending costs as much beside many sockets as beside few";
        let shown = format!("{} µs, {} µs", micros(many.ending), micros(few.ending));
        let flat = many.ending <= few.ending * 5 / 4;
        self.row(goal, &shown, flat, "measured once, not in turns");
    }
}

/// By how much longer connections of a saturated machine take beside a way, in thousandths; zero where
/// they take no longer.
pub(super) fn slowdown(measured: &Measured, way: usize) -> u64 {
    let of = |way| measured.saturated.iter().find(|it| it.0 == way);
    let Some((with, without)) = of(way).zip(of(NOTHING)) else {
        return 0;
    };
    // Of one turn each: what else the machine does is then in both.
    let pairs = with.1.iter().zip(&without.1);
    middle(pairs.map(|(with, without)| {
        let more = with.connection.saturating_sub(without.connection);
        more * 1_000 / without.connection.max(1)
    }))
}

/// One number over another with one decimal.
pub(super) fn ratio(over: u64, under: u64) -> String {
    let tenths = over * 10 / under.max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}
