//! The command `finrst`: reads the command line, does it, and exits with the code that says how it went.

use std::{io::Write, process::ExitCode};

use clap::Parser;
use tracer::{app, cli::Cli, exit::Exit};

fn main() -> ExitCode {
    let exit = app::run(&Cli::parse()).unwrap_or_else(|failure| {
        // Nothing is left to do when not even stderr can be written.
        let _ = writeln!(std::io::stderr(), "{failure}");
        failure.exit
    });
    ExitCode::from(Exit::code(exit))
}
