//! What is said to people beside the data: on standard error, where the two do not mix.

use std::io;

use super::from_offset;
use crate::{
    app::output,
    model::{alignment::Alignment, reason::ReasonNames, time::MonoNs},
    render::{Format, Options, Render, time::WallClock},
    tally::Tally,
};

/// How a capture was held against a recording, for people, on standard error.
///
/// # Errors
///
/// None: it is written to memory first.
pub(in crate::app) fn say_alignment(
    alignment: &Alignment,
    at: MonoNs,
    clock: WallClock,
) -> io::Result<()> {
    let mut lines = Vec::new();
    for_people(clock).alignment(alignment, at, &mut lines)?;
    output::say(String::from_utf8_lossy(lines.trim_ascii_end()));
    Ok(())
}

/// The account of a run for people, on standard error, where it does not mix with the data.
///
/// # Errors
///
/// None: it is written to memory first.
pub(in crate::app) fn say_summary(tally: &Tally) -> io::Result<()> {
    let mut summary = Vec::new();
    for_people(from_offset(0)).summary(tally, &mut summary)?;
    output::say(String::from_utf8_lossy(summary.trim_ascii_end()));
    Ok(())
}

fn for_people(clock: WallClock) -> Box<dyn Render> {
    Format::Text.renderer(Options {
        clock,
        reasons: ReasonNames::default(),
        colour: false,
        explain: false,
        stacks: false,
    })
}
