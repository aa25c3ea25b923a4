//! `finrst explain`: what can be typed.

use clap::Args;

use super::values;
use crate::model::cause::Cause;

/// Explain a cause: what happened, how to confirm it, what to do
///
/// Without a cause, lists them all.
#[derive(Debug, Args)]
pub struct Explain {
    /// A cause, as `finrst trace` prints it
    #[arg(value_name = "CAUSE", value_parser = values::cause())]
    pub cause: Option<Cause>,
}
