//! The page of what was measured.

use std::fmt::Write as _;

use super::{
    super::figures::Spread,
    Measured,
    cost::Cost,
    curve, goals,
    way::{JSON, NOTHING, WAYS},
};

/// The page.
pub(super) fn page(measured: &Measured) -> String {
    let mut page = String::from(HEAD);
    page.push_str(&goals::table(measured));
    page.push_str(COSTS);
    for (manner, name) in ["FINs", "an RST"].iter().enumerate() {
        costs(&mut page, measured, manner, name);
    }
    rest(&mut page, measured);
    saturated(&mut page, measured);
    paced(&mut page, measured);
    crowded(&mut page, measured);
    let _infallible = writeln!(
        page,
        "\nMeasured on {}; {} turns of each way, {} connections each.",
        measured.place, measured.turns, measured.connections
    );
    page
}

/// The curves, by the names of their files.
pub(super) fn curves(measured: &Measured) -> [(&'static str, String); 2] {
    let mut by_way: Vec<curve::Line> = Vec::new();
    for (way, rate, turns) in &measured.paced {
        let name = name(*way).replace('`', "");
        let point = (*rate, middle(turns.iter().map(|it| it.watched)) / 10);
        match by_way.last_mut().filter(|line| line.0 == name) {
            Some(line) => line.1.push(point),
            None => by_way.push((name, vec![point])),
        }
    }
    let crowd = |number: fn(&super::Crowded) -> u64| {
        measured
            .crowded
            .iter()
            .map(|it| (it.sockets, number(it)))
            .collect()
    };
    let crowds = [
        ("memory, KiB".to_owned(), crowd(|it| it.resident_kib)),
        (
            "an ending, ns of finrst".to_owned(),
            crowd(|it| it.ending / 10),
        ),
    ];
    [
        (
            "rates.svg",
            curve::draw(
                "Programs and watcher, by rate",
                "connections a second",
                "ns a connection",
                &by_way,
            ),
        ),
        (
            "sockets.svg",
            curve::draw("finrst with ever more sockets", "sockets", "", &crowds),
        ),
    ]
}

fn costs(page: &mut String, measured: &Measured, manner: usize, ended: &str) {
    let _infallible = write!(page, "\nA connection that ends by {ended}:\n\n{TABLE}");
    let turns = |way: usize| measured.costs.get(way).into_iter().flatten();
    let of = |way: usize, number: fn(&Cost) -> u64| {
        turns(way)
            .filter_map(move |turn| turn.get(manner))
            .map(number)
    };
    let whole = |way| middle(of(way, |it| it.programs + it.watcher));
    for (place, way) in WAYS.iter().enumerate() {
        let spread = |number| Spread::of(of(place, number).map(u64::cast_signed)).shown();
        let pairs = of(place, |it| it.connection).zip(of(NOTHING, |it| it.connection));
        let more = pairs.map(|(with, without)| with.cast_signed() - without.cast_signed());
        let _infallible = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            way.name,
            spread(|it| it.connection),
            Spread::of(more).shown(),
            micros(middle(of(place, |it| it.machine))),
            micros(middle(of(place, |it| it.tasks))),
            spread(|it| it.programs),
            spread(|it| it.watcher),
            if place == NOTHING {
                "–".to_owned()
            } else {
                goals::ratio(whole(place), whole(JSON))
            },
        );
    }
}

/// What is not of a manner.
fn rest(page: &mut String, measured: &Measured) {
    page.push_str(REST);
    for (way, turns) in WAYS.iter().zip(&measured.costs).skip(1) {
        let of = |number: fn(&Cost) -> u64| middle(turns.iter().map(|turn| number(&turn[0])));
        let (runs, started) = (of(|it| it.runs), of(|it| it.started_ms));
        let _infallible = writeln!(
            page,
            "| {} | {}.{} | {} | {}.{} ms | {:.1} MiB | {} |",
            way.name,
            runs / 10,
            runs % 10,
            of(|it| it.printed) / 10,
            started / 10,
            started % 10,
            mebibytes(of(|it| it.resident_kib)),
            turns.iter().map(|turn| turn[0].lost).sum::<u64>(),
        );
    }
}

fn saturated(page: &mut String, measured: &Measured) {
    page.push_str(SATURATED);
    for (way, turns) in &measured.saturated {
        let apart = middle(turns.iter().map(|it| it.connection)).max(1);
        let slower = goals::slowdown(measured, *way);
        let _infallible = writeln!(
            page,
            "| {} | {} | {} | {}.{} % | {} |",
            name(*way),
            10_000_000_000 / apart,
            Spread::of(turns.iter().map(|it| it.connection.cast_signed())).shown(),
            slower / 10,
            slower % 10,
            turns.iter().map(|it| it.lost).sum::<u64>(),
        );
    }
}

fn paced(page: &mut String, measured: &Measured) {
    page.push_str(PACED);
    for (way, rate, turns) in &measured.paced {
        let _infallible = writeln!(
            page,
            "| {} | {rate} | {} | {} |",
            name(*way),
            middle(turns.iter().map(|it| it.rate)),
            Spread::of(turns.iter().map(|it| it.watched.cast_signed())).shown(),
        );
    }
}

fn crowded(page: &mut String, measured: &Measured) {
    page.push_str(CROWDED);
    for crowd in &measured.crowded {
        let _infallible = writeln!(
            page,
            "| {} | {:.1} MiB | {} µs | {} |",
            crowd.sockets,
            mebibytes(crowd.resident_kib),
            micros(crowd.ending),
            crowd.lost,
        );
    }
}

fn name(way: usize) -> &'static str {
    WAYS.get(way).map_or("", |way| way.name)
}

fn mebibytes(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1_024.0
}

/// The median; zero of nothing.
pub(super) fn middle(numbers: impl Iterator<Item = u64>) -> u64 {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or(0)
}

/// Tenths of nanoseconds as microseconds with two decimals.
pub(super) fn micros(tenths: u64) -> String {
    let hundredths = tenths / 100;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

const HEAD: &str = "\
# What finrst costs, and its peers

`cargo xtask bench overhead --write docs/benchmarks.md` measures it again; the numbers are in
[overhead.json](benchmarks/overhead.json). Other pages say what [captures](benchmarks/wire.md),
[stacks](benchmarks/stack.md), [latencies](benchmarks/latency.md) and [replay](benchmarks/replay.md) cost.

The ways take turns, and what is compared is of one turn. Numbers are medians of the turns, in parentheses
the quartiles. What else the machine does counts as well.

## Goals

";

const COSTS: &str = "
## What a connection costs

One thread connects with itself over loopback and closes both ends, so that both sockets' hooks and softirqs
run on its account and no wake-up is measured; the watcher has another processor. *More* is the difference to
nothing in the same turn. *Machine* is what all processors did meanwhile, by the ticks of `/proc/stat`, and
*tasks* what all tasks did, by the root of the control groups, both in µs. *Programs* is the kernel's count of all programs of the watcher (`BPF_ENABLE_STATS`) in a run of its own,
its looks at the clock included: some 50 ns for each. *Watcher* is what its threads ran. *Ratio* is of
programs and watcher together, to `finrst trace -o json`. Nanoseconds a connection, which is two sockets.
Each watcher saw as many before, so that what grows in one that has just begun has grown.
";

const TABLE: &str = "\
| beside the connections runs | a connection takes | more | machine | tasks | programs | watcher | ratio |
|---|---|---|---|---|---|---|---|
";

const REST: &str = "
The rest, of both manners: runs of programs and bytes printed a connection that ends by FINs, from the start
of the process until its programs run, the most memory it had, and what it says it lost.

| way | runs | bytes | started in | memory | lost |
|---|---|---|---|---|---|
";

const SATURATED: &str = "
## At saturation

Two processes of two threads each make connections and end them, half by FINs and half by RSTs, as fast as
the machine can, the watcher among them. *Slower* is of the time from one connection to the next, against
nothing in the same turn.

| beside them runs | connections a second | ns from one to the next | slower | lost |
|---|---|---|---|---|
";

const PACED: &str = "
## At a rate

Programs and watcher together, nanoseconds a connection that ends by FINs.

![Programs and watcher by rate](benchmarks/rates.svg)

| way | wanted a second | made | ns a connection |
|---|---|---|---|
";

const CROWDED: &str = "
## Beside many sockets

`finrst trace -o json --sockets 2000000`; all sockets were opened before its eyes, and stay open while others
end.

![finrst with ever more sockets](benchmarks/sockets.svg)

| sockets open | memory | finrst's time an ending | lost |
|---|---|---|---|
";
