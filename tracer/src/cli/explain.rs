//! `finrst explain`: what can be typed.

use clap::{Args, builder::PossibleValuesParser, builder::TypedValueParser};

use crate::model::cause::Cause;

/// Explain a cause: what happened, how to confirm it, what to do
///
/// Without a cause, lists them all.
#[derive(Debug, Args)]
pub struct Explain {
    /// A cause, as `finrst trace` prints it
    #[arg(value_name = "CAUSE", value_parser = cause())]
    pub cause: Option<Cause>,
}

fn cause() -> impl TypedValueParser<Value = Cause> {
    PossibleValuesParser::new(Cause::ALL.map(Cause::code)).map(|code| {
        Cause::ALL
            .into_iter()
            .find(|cause| cause.code() == code)
            .unwrap_or(Cause::Unknown)
    })
}
