//! The project's own verbs: `cargo xtask VERB`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's command: talking to its user is what it does"
)]

mod accuracy;
mod bench;
mod build_ebpf;
mod check;
mod demo;
mod fuzz;
#[path = "../../tracer/build/kernel_object.rs"]
mod kernel_object;
mod lab;
mod miri;
mod mounts;
mod pitfalls;
mod programs;
mod readme;
mod scene;
mod setup;
mod shell;
mod soak;
mod tally;
mod test;
mod tidy;
mod used;
mod vm;

use std::process::ExitCode;

use clap::Parser;

/// What was typed.
#[derive(Debug, Parser)]
#[command(name = "xtask", about = "The project's own verbs")]
enum Verb {
    /// Makes the machine able to build the kernel object and to run every test.
    Setup,
    /// Builds the kernel object from source and compares it with the stored one.
    BuildEbpf(build_ebpf::Options),
    /// Looks at the code without running it: format, lints, rules of the house, licences.
    Check,
    /// Looks at the rules of the house alone.
    Tidy,
    /// Runs every test there is; the last line says how many passed, failed and were skipped.
    Test(test::Options),
    /// Runs the kernel tests inside other kernels.
    Vm(vm::Options),
    /// Proves finrst against real connections on this kernel.
    Lab(lab::Options),
    /// Writes the page of the pitfalls of Go programs from what finrst says of them.
    Pitfalls(pitfalls::Options),
    /// Writes the page of programs nobody here wrote from what finrst says of them.
    Programs(programs::Options),
    /// Plays one small real program that ends a connection in a known way.
    Scene(scene::Options),
    /// Shows a dozen real endings, live, with finrst's explanations.
    Demo(demo::Options),
    /// Measures, and writes what was measured into docs/benchmarks.
    Bench(bench::Options),
    /// Gives bytes nobody would send to everything that reads bytes.
    Fuzz(fuzz::Options),
    /// Interprets what reads the kernel's bytes, which finds undefined behaviour.
    Miri,
    /// Lets everything happen to finrst for long while connections come and go.
    Soak(soak::Options),
    /// Runs what continuous integration runs: every test, none skipped, and the demonstration.
    Ci,
}

fn main() -> ExitCode {
    let outcome = match Verb::parse() {
        Verb::Setup => Ok(setup::run()),
        Verb::BuildEbpf(options) => build_ebpf::run(&options),
        Verb::Check => Ok(check::run()),
        Verb::Tidy => tidy::run(),
        Verb::Test(options) => Ok(test::run(&options)),
        Verb::Vm(options) => vm::run(&options),
        Verb::Lab(options) => lab::run(&options),
        Verb::Pitfalls(options) => pitfalls::run(&options),
        Verb::Programs(options) => programs::run(&options),
        Verb::Scene(options) => scene::run(&options),
        Verb::Demo(options) => demo::run(&options),
        Verb::Bench(options) => bench::run(&options),
        Verb::Fuzz(options) => fuzz::run(&options),
        Verb::Miri => Ok(miri::run()),
        Verb::Soak(options) => soak::run(&options),
        Verb::Ci => Ok(test::everything()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
