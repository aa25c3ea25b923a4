//! `causes`: writes `docs/accuracy/causes.md`, what finrst tells of every cause on every kernel.

use std::{
    fs,
    process::{Command, ExitCode},
};

use anyhow::{Result, ensure};

use crate::{
    lab::verdicts::{Table, codes},
    shell,
    tally::Tally,
    test, vm,
};

/// The test whose verdicts the table has.
const SCENES: &str = "scene";

/// Plays every scene on every kernel by every way, and writes the page.
///
/// # Errors
/// What the guests run cannot be built, or the page not written.
pub(crate) fn run() -> Result<ExitCode> {
    let mut tally = Tally::default();
    test::kernel_tests(&mut tally, &[SCENES]);
    vm::matrix(&vm::Options::only(SCENES), &mut tally)?;
    gaps_are_explained(&mut tally);
    let page = format!(
        "# What finrst tells of every cause\n\n\
         Written by `cargo xtask causes`, not by hand; `cargo xtask test` prints the same table at its end, and one wrong\n\
         verdict fails it. Every scene of docs/causes.md is played on every kernel, by every way to reach it, and the cause of\n\
         each act is compared with what the programs of the scene did.\n\n\
         {}\n\n{}\n{} wrong verdicts.\n",
        Table::LEGEND,
        tally.causes().markdown(),
        codes()
            .map(|code| tally.causes().together(code).wrong)
            .sum::<u32>(),
    );
    fs::write(shell::root().join("docs/accuracy/causes.md"), page)?;
    Ok(tally.close(true))
}

/// Where a cause was not told, or nothing could be seen, its page must say that this happens.
pub(crate) fn gaps_are_explained(tally: &mut Tally) {
    let gaps = codes().filter(|code| tally.causes().together(code).has_gap());
    let gaps: Vec<_> = gaps.collect();
    tally.step("causes that are not told everywhere say so", || {
        for code in gaps {
            let mut finrst = Command::new(vm::release_finrst()?);
            let page = shell::read(finrst.args(["explain", code]))?;
            // However the page breaks its lines.
            let words: Vec<_> = page.split_whitespace().collect();
            let said = words.join(" ");
            ensure!(
                said.contains("cannot be seen") || said.contains("cannot be told"),
                "{code} was not told everywhere, and its page does not say where that is so"
            );
        }
        Ok(())
    });
}
