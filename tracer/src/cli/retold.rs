//! What every verb has that tells a recording, and nothing live.

use std::path::PathBuf;

use clap::Args;

use super::{Color, Kind, values};
use crate::model::cause::Cause;

/// What of a recording is told, and how.
#[derive(Debug, Args)]
pub struct Retold {
    /// Name the frames of programs anew, from the files in this directory that have their build id,
    /// and from DIR/.build-id/ab/cdef.debug; repeatable
    #[arg(long, value_name = "DIR")]
    pub symbols: Vec<PathBuf>,

    /// When to colour text
    #[arg(
        long,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        help_heading = "Output"
    )]
    pub color: Color,

    /// Only endings of these kinds; repeat or separate by commas
    #[arg(
        long = "kind",
        value_enum,
        value_name = "KIND",
        value_delimiter = ',',
        help_heading = "Filters"
    )]
    pub kinds: Vec<Kind>,
    /// Only endings of these causes, codes of `finrst explain`; repeat or separate by commas
    #[arg(
        long = "cause",
        value_name = "CAUSE",
        value_delimiter = ',',
        value_parser = values::cause(),
        hide_possible_values = true,
        help_heading = "Filters"
    )]
    pub causes: Vec<Cause>,
    /// Stop after this many endings
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Stopping")]
    pub count: Option<u64>,
    /// Exit with 5 when records were lost
    #[arg(long, help_heading = "Stopping")]
    pub fail_on_loss: bool,
}
