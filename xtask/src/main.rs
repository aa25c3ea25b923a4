//! The project's own verbs: `cargo xtask VERB`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's command: talking to its user is what it does"
)]

mod demo;
mod lab;
mod scene;

use std::process::ExitCode;

use clap::Parser;

/// What was typed.
#[derive(Debug, Parser)]
#[command(name = "xtask", about = "The project's own verbs")]
enum Verb {
    /// Proves finrst against real connections on this kernel.
    Lab(lab::Options),
    /// Plays one small real program that ends a connection in a known way.
    Scene(scene::Options),
    /// Shows a dozen real endings, live, with finrst's explanations.
    Demo(demo::Options),
}

fn main() -> ExitCode {
    let outcome = match Verb::parse() {
        Verb::Lab(options) => lab::run(&options),
        Verb::Scene(options) => scene::run(&options),
        Verb::Demo(options) => demo::run(&options),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
