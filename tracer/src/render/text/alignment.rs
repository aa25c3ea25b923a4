//! How a capture file was held against a recording, in a few lines of text.

use std::io::{self, Write};

use crate::{
    model::alignment::{Alignment, Assumption, Fit},
    render::time::{WallClock, ahead_ns, human, millionths},
};

/// Writes what was found, and what it rests on.
pub(super) fn line(
    alignment: &Alignment,
    clock: &WallClock,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Alignment {
        file,
        recorded,
        captured,
        matches,
        outliers,
        unrelated,
        translated,
        fit,
    } = alignment;
    write!(out, "{file}: ")?;
    let Some(fit) = fit else {
        return writeln!(
            out,
            "no alignment: {captured} FINs and RSTs captured, {recorded} recorded, {outliers} in both"
        );
    };
    write!(out, "{matches} FINs and RSTs aligned")?;
    for (count, what) in [
        (outliers, "sent again or held up"),
        (unrelated, "of connections the recording does not know"),
        (translated, "flows with translated addresses"),
    ] {
        if *count > 0 {
            write!(out, ", {count} {what}")?;
        }
    }
    writeln!(out)?;
    write!(out, "    its clock ")?;
    clocks(fit, clock, out)?;
    let residual = fit.residual;
    let (p50, p99, max) = (
        human(residual.p50),
        human(residual.p99),
        human(residual.max),
    );
    writeln!(out, "    residual p50 {p50}, p99 {p99}, max {max}")
}

fn clocks(fit: &Fit, clock: &WallClock, out: &mut dyn Write) -> io::Result<()> {
    let ahead = ahead_ns(fit, clock);
    let word = if ahead < 0 { "behind" } else { "ahead of" };
    let distance = human(ahead.unsigned_abs());
    write!(
        out,
        "is {distance} {word} the recorded machine's wall clock"
    )?;
    if let Some(error) = fit.error_ns {
        write!(out, " (±{})", human(error))?;
    }
    match fit.drift {
        Some(drift) => {
            let (ppm, error) = (millionths(drift.parts), millionths(drift.error_parts));
            write!(out, ", drifts by {ppm:+.3} ppm (±{error:.3})")?;
        }
        None => write!(out, ", drift unknown: too few matches in too short a time")?,
    }
    let assumed = match fit.assumption {
        Assumption::EqualShortest => "the shortest delays of both directions taken for equal",
        Assumption::NoShortest => "one direction alone was seen, its shortest delay taken for none",
    };
    writeln!(out, "; {assumed}")
}
