//! `finrst check`: what can be typed.

use clap::Args;

use super::{Kernel, Output, Select};

/// Show what this kernel and these privileges allow
///
/// Loads and attaches every hook the way `trace` would, says which way each point is reached and why the
/// others are not, and detaches. Exits with 0 when `trace` would run, 3 when privileges are missing, 4
/// when the kernel lacks something.
#[derive(Debug, Args)]
pub struct Check {
    /// Output format
    #[arg(short, long, value_enum, default_value = "text")]
    pub output: Output,
    /// Also print the verifier's log of every program it refused
    #[arg(short, long)]
    pub verbose: bool,
    /// Which connections `trace` would be asked for: filters are part of the programs.
    #[command(flatten)]
    pub select: Select,
    /// How to reach the kernel.
    #[command(flatten)]
    pub kernel: Kernel,
}
