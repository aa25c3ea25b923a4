//! `finrst record`: what can be typed.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;

use super::{Kernel, Select, Stack, Stopping, Wiring};

/// Record what ends connections, to be told later and elsewhere
///
/// Traces like `finrst trace` and writes everything that comes into a file instead of telling it: the
/// kernel's records as they come, who the processes were, how the clocks ran, what was lost. `finrst trace
/// --replay FILE` tells it, as text or JSON, on any machine and without privileges.
///
/// The file is written as the run goes, once a second at the least; what was killed in the middle gives
/// everything before. It holds command lines and addresses: treat it as you would a log.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Record {
    /// Which connections.
    #[command(flatten)]
    pub select: Select,

    /// The file to write; `-` is standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: PathBuf,
    /// Overwrite the file if there is one
    #[arg(long, help_heading = "Output")]
    pub force: bool,
    /// Take stacks of every act that closes; without, those of RSTs sent are taken
    #[arg(long, value_enum, value_name = "WHICH", help_heading = "Output")]
    pub stack: Option<Stack>,
    /// Also record which goroutine called Close, and where, in programs of Go; each call takes some
    /// microseconds more
    #[arg(long, help_heading = "Output")]
    pub go_callers: bool,
    /// No summary, no talk on stderr
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// When to stop, and what to keep in mind until then.
    #[command(flatten)]
    pub stopping: Stopping,

    /// What to capture beside the hooks.
    #[command(flatten)]
    pub wiring: Wiring,

    /// How to reach the kernel.
    #[command(flatten)]
    pub kernel: Kernel,

    /// Run this command and record it and its children until it ends
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  finrst record -o run.finrst                       everything on this machine, until Ctrl-C
  finrst record -o run.finrst --kind rst --duration 1h
  finrst record -o run.finrst -- curl -s http://127.0.0.1/
  finrst trace --replay run.finrst --explain        what was recorded, in words
  finrst trace --replay run.finrst -o json -v       and as JSON, with every event
  ssh host finrst record -o - | finrst trace --replay -";
