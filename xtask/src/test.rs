//! `test` and `ci`: everything, in one run, with one closing line.

use std::{
    process::{Command, ExitCode},
    thread,
};

use anyhow::anyhow;

use crate::{
    accuracy,
    build_ebpf::Built,
    check, fuzz,
    lab::{
        score::ScoreLine,
        verdicts::{VerdictLine, Verdicts},
    },
    readme, setup, shell,
    tally::{self, Tally, Verdict},
    vm::{self, LabLine},
};

/// What `xtask test` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A skipped test is a failure.
    #[arg(long)]
    no_skip: bool,
}

/// Runs every test.
pub(crate) fn run(options: &Options) -> ExitCode {
    let mut tally = Tally::default();
    tests(&mut tally);
    tally.close(options.no_skip)
}

/// Runs every test, lets none be skipped, and runs what the README begins with.
pub(crate) fn everything() -> ExitCode {
    let mut tally = Tally::default();
    tests(&mut tally);
    readme::steps(&mut tally);
    tally.close(true)
}

fn tests(tally: &mut Tally) {
    setup::steps(tally);
    stored_object(tally);
    let guests = thread::scope(|scope| {
        // The last step of finrst's keeps one processor busy for minutes.
        scope.spawn(|| build_ahead(&[vm::building_finrst()]));
        scope.spawn(|| build_ahead(&[fuzz::building(), building_tests()]));
        check::steps(tally);
        // Guests come before the host's tests, which read the BTF that guests leave behind.
        tally::heading("kernels in virtual machines");
        vm::matrix(&vm::Options::everything(), tally)
    });
    if let Err(error) = guests {
        tally.add(
            "kernels in virtual machines",
            Verdict::Failed,
            &format!("{error:#}"),
        );
    }
    host_tests(tally);
    fuzz::steps(tally);
    kernel_tests(tally, &[]);
    accuracy::gaps_are_explained(tally);
}

/// Builds the object from source and proves the stored one fresh.
fn stored_object(tally: &mut Tally) {
    let root = shell::root();
    let mut built = None;
    tally.step("kernel object from source", || {
        built = Some(Built::from_source(&root)?);
        Ok(())
    });
    tally.step("stored kernel object", || {
        built
            .ok_or_else(|| anyhow!("there is nothing to compare it with"))?
            .compare_with_stored(&root)
    });
}

/// Builds what is run later, one after the other, while nobody else wants a processor. What does not
/// build is built again, and counted, where it is run.
fn build_ahead(builds: &[Command]) {
    for build in builds {
        if let Err(error) = shell::run(&mut shell::idly(build)) {
            eprintln!("{error:#}");
        }
    }
}

/// Cargo, to test the crates that run on the host.
fn cargo_test() -> Command {
    let all = ["test", "--locked", "--workspace"];
    let mut cargo = shell::cargo(&all);
    cargo.args(["--exclude", "tracer-ebpf", "--exclude", "fuzz"]);
    cargo
}

/// Cargo, to build them.
fn building_tests() -> Command {
    let mut tests = cargo_test();
    tests.arg("--no-run");
    tests
}

/// The tests of the crates that run on the host, each counted.
fn host_tests(tally: &mut Tally) {
    tally::heading("tests of the crates");
    let (mut reported, mut bad) = (false, false);
    let status = shell::follow(cargo_test().arg("--no-fail-fast"), |line| {
        println!("{line}");
        if let Some((name, verdict)) = test_line(line) {
            reported = true;
            bad |= verdict == Verdict::Failed;
            tally.add(name, verdict, "");
        }
    });
    match status {
        Ok(status) if reported && (bad || status.success()) => {}
        Ok(status) => tally.add("cargo test", Verdict::Failed, &status.to_string()),
        Err(error) => tally.add("cargo test", Verdict::Failed, &format!("{error:#}")),
    }
}

/// A line of the test harness: `test NAME ... ok`.
fn test_line(line: &str) -> Option<(&str, Verdict)> {
    let (name, word) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let verdict = match word.split([',', ' ']).next()? {
        "ok" => Verdict::Passed,
        "FAILED" => Verdict::Failed,
        "ignored" => Verdict::Skipped,
        _ => return None,
    };
    Some((name, verdict))
}

/// The kernel tests on the kernel underneath, by the way finrst chooses for itself: those named, or all.
pub(crate) fn kernel_tests(tally: &mut Tally, names: &[&str]) {
    tally::heading("kernel tests here");
    let mut bad = false;
    let mut counted = 0_u32;
    let mut verdicts = Verdicts::default();
    let status = vm::release_finrst().and_then(|finrst| {
        let mut lab = shell::xtask(&["lab", "--lines", "--finrst"])?;
        shell::follow(lab.arg(finrst).args(names), |line| {
            println!("{line}");
            if let Some(said) = VerdictLine::read(line) {
                verdicts.add(said.cause, said.count);
            }
            if let Some(said) = ScoreLine::read(line) {
                tally.score(format!("here {}", said.way), said.score);
            }
            if let Some(said) = LabLine::read(line) {
                counted += 1;
                bad |= said.verdict == Verdict::Failed;
                tally.add(
                    &format!("here {} {}", said.way, said.name),
                    said.verdict,
                    said.reason,
                );
            }
        })
    });
    tally.verdicts("here".to_owned(), verdicts);
    match status {
        Ok(status) if counted > 0 && (bad || status.success()) => {}
        Ok(status) => tally.add("kernel tests here", Verdict::Failed, &status.to_string()),
        Err(error) => tally.add("kernel tests here", Verdict::Failed, &format!("{error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_harness_are_told_from_others() {
        let cases = [
            (
                "test order::late ... ok",
                Some(("order::late", Verdict::Passed)),
            ),
            (
                "test order::late ... FAILED",
                Some(("order::late", Verdict::Failed)),
            ),
            (
                "test btf::dump ... ignored, no bpftool",
                Some(("btf::dump", Verdict::Skipped)),
            ),
            (
                "test src/lib.rs - time (line 3) - compile ... ok",
                Some(("src/lib.rs - time (line 3) - compile", Verdict::Passed)),
            ),
            ("test result: ok. 3 passed; 0 failed; 0 ignored", None),
            ("running 3 tests", None),
        ];
        for (line, expected) in cases {
            assert_eq!(test_line(line), expected, "{line}");
        }
    }
}
