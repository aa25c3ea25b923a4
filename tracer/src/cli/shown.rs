//! How what is there now is shown.

use clap::Args;

use super::{Color, Output};

/// How a look is shown.
#[derive(Debug, Args)]
pub struct Shown {
    /// Output format
    #[arg(
        short,
        long,
        value_enum,
        default_value = "text",
        help_heading = "Output"
    )]
    pub output: Output,
    /// No header, no talk on stderr
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
    /// When to colour text
    #[arg(
        long,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = "Output"
    )]
    pub color: Color,
}
