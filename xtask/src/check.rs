//! `check`: everything that can be said of the code without running it.

use std::{path::Path, process::ExitCode};

use anyhow::Result;

use crate::{
    kernel_object::{
        self,
        toolchain::{DEBIAN_RUSTC, Toolchain},
    },
    shell,
    tally::{Skip, Tally},
    tidy,
};

/// Runs the checks alone.
pub(crate) fn run() -> ExitCode {
    let mut tally = Tally::default();
    steps(&mut tally);
    tally.close(false)
}

/// Runs each check and counts it.
pub(crate) fn steps(tally: &mut Tally) {
    tally.step("format", || {
        shell::run(&mut shell::cargo(&["fmt", "--all", "--check"]))
    });
    tally.step("lints of the command", || {
        let mut clippy = shell::cargo(&["clippy", "--locked", "--workspace", "--all-targets"]);
        shell::run(clippy.args(["--exclude", "tracer-ebpf", "--", "-D", "warnings"]))
    });
    tally.step("lints of the hooks", lint_hooks);
    tally.step("rules of the house", tidy::check);
    tally.step("licences and sources of the dependencies", deny);
}

/// Clippy for the kernel's target, with the recipe the object is built by.
fn lint_hooks() -> Result<()> {
    let toolchain = Toolchain::find()?;
    if toolchain.rustc == Path::new(DEBIAN_RUSTC) {
        return Err(Skip(format!(
            "{DEBIAN_RUSTC} builds the hooks, and it has no clippy"
        ))
        .into());
    }
    let mut clippy = kernel_object::cargo(&shell::root(), &toolchain, "clippy")?;
    shell::run(clippy.args(["--", "-D", "warnings"]))
}

fn deny() -> Result<()> {
    if !shell::cargo(&["deny", "--version"])
        .output()?
        .status
        .success()
    {
        return Err(Skip("cargo-deny is not installed".to_owned()).into());
    }
    // Advisories change by the day and need the network; a test must not.
    shell::run(&mut shell::cargo(&[
        "deny", "--locked", "check", "bans", "licenses", "sources",
    ]))
}
