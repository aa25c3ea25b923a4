//! `miri`: what reads the kernel's bytes, interpreted, so that no undefined behaviour goes unseen.
//!
//! By hand: it wants a nightly toolchain of rustup, which fetches Miri for it.

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::{shell, tally::Tally};

/// What is interpreted, each with the arguments that choose its tests.
const PARTS: &[(&str, &[&str])] = &[
    ("the contract", &["--package", "tracer-common"]),
    ("decode", &["--package", "tracer", "--lib", "decode::"]),
];

/// Cases of each property: a case takes an interpreter seconds.
const CASES: &str = "8";

/// Interprets the tests of each part.
pub(crate) fn run() -> ExitCode {
    let mut tally = Tally::default();
    tally.step("miri: component", component);
    for (name, arguments) in PARTS {
        tally.step(&format!("miri: {name}"), || interpret(arguments));
    }
    tally.close(true)
}

fn component() -> Result<()> {
    let words = [
        "component",
        "add",
        "--toolchain",
        "nightly",
        "miri",
        "rust-src",
    ];
    shell::run(&mut shell::program("rustup", &words))
        .context("rustup has no nightly toolchain, or no miri for it")
}

fn interpret(arguments: &[&str]) -> Result<()> {
    let mut miri = shell::program("rustup", &["run", "nightly", "cargo", "miri", "test"]);
    miri.args(["--locked", "--target-dir", "target/miri"])
        .args(arguments)
        // Properties read where they keep what failed, and the time.
        .env("MIRIFLAGS", "-Zmiri-disable-isolation")
        .env("PROPTEST_CASES", CASES)
        .env("FINRST_KERNEL_OBJECT_FROM", "stored");
    shell::run(&mut miri)
}
