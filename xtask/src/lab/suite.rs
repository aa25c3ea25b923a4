//! The suite: which tests run on which machine, by which way.

use std::sync::LazyLock;

use super::{
    Lab, Scored, Test, Way, accounting, across, carried, catch, correlate, crowds, filters, go,
    held_open, kernel, latency, leaks, lifecycle,
    outcome::{Outcome, Report},
    pcapng, processors, programs, recording, refusals, report as reports, robust, scenes,
    score::Score,
    stacks, stopping, truth, walls, wire,
};

/// Runs the tests named, by their own names or their groups'; all when none is named.
pub(super) fn run(lab: &Lab, names: &[String], report: &mut Report) -> anyhow::Result<()> {
    let is_named = |name: &str| names.iter().any(|it| it == name || it == group(name));
    let wanted = |name: &str| names.is_empty() || is_named(name);
    let attached = [
        held_open::TESTS,
        carried::TESTS,
        stacks::TESTS,
        latency::in_kernel::TESTS,
        leaks::TESTS,
        of_any_way(lab),
        of_the_wire(lab),
    ]
    .concat();
    if let Some(reason) = kernel::way_refused(lab)? {
        let names = attached.iter().map(|(name, _)| (*name).to_owned());
        let names = scenes::names()
            .chain(scored().map(str::to_owned))
            .chain(names);
        for name in names.filter(|name| wanted(name)) {
            report.add(&name, Outcome::Skipped(reason.clone()));
        }
    } else {
        scenes::run(lab, &wanted, report)?;
        run_scored(lab, crowds::TESTS, &wanted, report);
        run_scored(lab, wire::STORMS, &wanted, report);
        run_each(lab, &attached, &wanted, report);
        if !lab.guest {
            programs::run(lab, &wanted, report);
            run_each(lab, wire::REAL, &wanted, report);
            run_each(lab, stacks::REAL, &wanted, report);
            run_each(lab, stacks::compiled::TESTS, &wanted, report);
            run_each(lab, wire::REJECTED, &wanted, report);
            run_each(lab, truth::REAL, &wanted, report);
            run_each(lab, correlate::REAL, &wanted, report);
            run_each(lab, pcapng::REAL, &wanted, report);
            run_each(lab, across::REAL, &wanted, report);
            run_each(lab, leaks::REAL, &wanted, report);
            run_each(lab, latency::REAL, &wanted, report);
            run_each(lab, reports::REAL, &wanted, report);
            run_each(lab, catch::REAL, &wanted, report);
            run_each(lab, latency::in_kernel::REAL, &wanted, report);
            run_each(lab, go::REAL, &wanted, report);
            run_each(lab, robust::REAL, &wanted, report);
        }
    }
    // One way is as good as another for what hooks no function of the kernel.
    if lab.guest && lab.way == Way::Kprobe {
        run_each(lab, go::GUEST, &wanted, report);
        run_each(lab, processors::GUEST, &wanted, report);
    }
    run_each(lab, refusals::TESTS, &wanted, report);
    Ok(())
}

/// The tests that leave a score, by name; the scenes besides.
pub(crate) fn scored() -> impl Iterator<Item = &'static str> {
    let tests = crowds::TESTS.iter().chain(wire::STORMS);
    tests.map(|(name, _)| *name)
}

/// Tests of what is the same by whatever way the hooks are attached; guests, which are slow, run them
/// by one.
fn of_any_way(lab: &Lab) -> &'static [(&'static str, Test)] {
    static ALL: LazyLock<Vec<(&str, Test)>> = LazyLock::new(|| {
        [
            filters::TESTS,
            lifecycle::TESTS,
            stopping::TESTS,
            accounting::TESTS,
            recording::TESTS,
        ]
        .concat()
    });
    match (lab.guest, lab.way) {
        (false, _) | (true, Way::Auto | Way::Fentry) => &ALL,
        (true, Way::Kprobe | Way::Tracepoint) => &[],
    }
}

/// Tests of captures and of their clocks, which know nothing of ways: guests, which are slow, run them
/// by one that tells every RST sent; the tracepoint, before 6.10, fires for sockets alone. What a storm's
/// segments are joined to is scored by every way ([`wire::STORMS`]).
fn of_the_wire(lab: &Lab) -> &'static [(&'static str, Test)] {
    static GUEST: LazyLock<Vec<(&str, Test)>> =
        LazyLock::new(|| [wire::IN_KERNEL, wire::REJECTED, walls::GUEST].concat());
    match (lab.guest, lab.way) {
        (false, _) => wire::IN_KERNEL,
        (true, Way::Kprobe) => &GUEST,
        (true, Way::Auto | Way::Fentry | Way::Tracepoint) => &[],
    }
}

/// Runs those of the tests that are wanted.
fn run_each(lab: &Lab, tests: &[(&str, Test)], wanted: &dyn Fn(&str) -> bool, report: &mut Report) {
    for (name, test) in tests.iter().filter(|(name, _)| wanted(name)) {
        report.add(name, Outcome::of(test(lab)));
    }
}

/// Runs those of the tests that are wanted, and keeps their scores.
fn run_scored(
    lab: &Lab,
    tests: &[(&str, Scored)],
    wanted: &dyn Fn(&str) -> bool,
    report: &mut Report,
) {
    for (name, test) in tests.iter().filter(|(name, _)| wanted(name)) {
        let mut score = Score::default();
        report.add(name, Outcome::of(test(lab, &mut score)));
        report.score(name, score);
    }
}

/// What comes before the first slash of a test's name: `scene`, `filter`, ….
fn group(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}
