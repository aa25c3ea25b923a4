//! `finrst correlate`: a recording, and capture files aligned with it.

mod file;
mod known;

use std::{
    io,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use jiff::Timestamp;

use self::{file::Captured, known::Known};
use super::{
    output,
    progress::Progress,
    replay::{self, Asked, Opened},
    view::{self, View},
};
use crate::{
    align::{Found, align},
    cli::Correlate,
    exit::{Exit, Failure},
    model::{alignment::Alignment, clock::Timed, flow::Flow, foreign::Foreign, time::MonoNs},
    render::time::WallClock,
    replay::Beside,
};

/// Segments this far outside of what the recording tells are not of it, in nanoseconds.
const MARGIN_NS: u64 = 2_000_000_000;

/// The longest way to another host that is reckoned with, in nanoseconds.
const LONGEST_WAY_NS: u64 = 2_000_000_000;

/// A capture, aligned or not, and its segments by the hooks' clock.
struct Aligned {
    captured: Captured,
    alignment: Alignment,
    beside: Vec<Beside>,
}

pub(super) fn run(correlate: &Correlate) -> Result<Exit, Failure> {
    let view = View::beside(correlate);
    let asked = Asked::of(
        &correlate.recording,
        view,
        &correlate.retold,
        correlate.quiet,
    )?;
    with(&asked, &correlate.captures)
}

/// Tells a recording with captures beside it.
///
/// # Errors
///
/// One of the files cannot be read, or the output not be written.
pub(super) fn with(asked: &Asked<'_>, captures: &[PathBuf]) -> Result<Exit, Failure> {
    if asked.path == Path::new("-") {
        let error = anyhow!("a recording is read twice to be correlated");
        return Err(Failure::new(Exit::Usage, error, "save it to a file first"));
    }
    let opened = replay::open(asked.path)?;
    let mut files = Vec::new();
    let mut devices = 0;
    for path in captures {
        let file = file::read(path, devices, asked.quiet)?;
        devices += u32::try_from(file.devices.len()).unwrap_or(u32::MAX);
        files.push(file);
    }
    let progress = Progress::new(asked.path, opened.bytes.filter(|_| !asked.quiet));
    let known = known::know(opened, progress)?;
    let mut aligned: Vec<_> = files
        .into_iter()
        .map(|captured| held_against(&known, captured))
        .collect();
    let again = replay::open(asked.path)?;
    let damaged = aligned.iter().any(|it| it.captured.damage.is_some());
    let exit = match tell(asked, again, &known, &mut aligned) {
        Err(error) if output::is_closed(&error) => Exit::Ok,
        exit => exit?,
    };
    let all = aligned.iter().all(|it| it.alignment.fit.is_some());
    Ok(if all && !damaged { exit } else { Exit::Runtime })
}

/// Aligns a capture with what a recording knows.
fn held_against(known: &Known, captured: Captured) -> Aligned {
    let Captured {
        segments,
        resolution_ns,
        ..
    } = &captured;
    let found = align(&known.marks, segments, *resolution_ns);
    let beside = beside(known, &captured, &found);
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let unrelated = if found.fit.is_some() {
        number(segments.len() - beside.len())
    } else {
        0
    };
    Aligned {
        alignment: Alignment {
            file: Foreign::from(captured.path.as_os_str().as_encoded_bytes()),
            recorded: known.acts,
            captured: number(segments.len()),
            matches: found.matches,
            outliers: found.outliers,
            unrelated,
            translated: number(found.translated.len() / 2),
            fit: found.fit,
        },
        beside,
        captured,
    }
}

/// The segments of a capture that are of the recording's connections and time, by the hooks' clock.
fn beside(known: &Known, captured: &Captured, found: &Found) -> Vec<Beside> {
    let (Some(fit), Some((first, last))) = (&found.fit, known.span) else {
        return Vec::new();
    };
    let during = first.before(MARGIN_NS)..=last.after(MARGIN_NS);
    let mut beside = Vec::new();
    for segment in &captured.segments {
        let at = segment.at.and_then(|at| fit.hooks_time(at.ns));
        let Some(at) = at.filter(|at| during.contains(at)) else {
            continue;
        };
        let mut seen = *segment;
        let ends = (seen.headers.source, seen.headers.destination);
        let ends = found.translated.get(&ends).copied().unwrap_or(ends);
        (seen.headers.source, seen.headers.destination) = ends;
        if let Some(Flow { netns, .. }) = known.flow(ends) {
            let at = Timed {
                at,
                error_ns: fit.error_ns,
            };
            beside.push(Beside {
                time: at,
                netns,
                seen,
            });
        }
    }
    beside
}

/// Tells the recording with what could be aligned; nothing of it when nothing could.
///
/// # Errors
///
/// Those of the output.
fn tell(
    asked: &Asked<'_>,
    mut opened: Opened,
    known: &Known,
    aligned: &mut [Aligned],
) -> io::Result<Exit> {
    let settings = &mut opened.recording.header.settings;
    // Segments come before their time, so nothing has to wait for them.
    settings.answer_ns = settings.answer_ns.max(1);
    let began = MonoNs(opened.recording.header.at_ns);
    let clock = view::from_offset(opened.recording.header.clock_offset_ns);
    replay::tell(asked, opened, &mut |recording, pipeline| {
        let mut segments = Vec::new();
        let mut reach_ns = 0;
        for one in aligned.iter_mut() {
            one.captured.say_damage();
            let alignment = &one.alignment;
            let at = alignment.fit.map_or(began, |fit| fit.at);
            if asked.view.is_framed() {
                pipeline.alignment(alignment, at)?;
            }
            if let Some(fit) = &alignment.fit {
                reach_ns = reach_ns.max(fit.residual.max.min(LONGEST_WAY_NS));
            }
            say(asked, known, one, &clock)?;
            for (number, name) in &one.captured.devices {
                pipeline.interface(*number, name.clone());
            }
            segments.append(&mut one.beside);
        }
        recording.beside(segments, reach_ns);
        // A report says of a capture that nothing came of it.
        Ok(asked.view.is_gathered() || aligned.iter().any(|one| one.alignment.fit.is_some()))
    })
}

/// Says what came of a capture: that it was aligned to whoever wants to hear it, that it was not to
/// everybody.
fn say(asked: &Asked<'_>, known: &Known, aligned: &Aligned, clock: &WallClock) -> io::Result<()> {
    let alignment = &aligned.alignment;
    let captured = &aligned.captured;
    if !asked.quiet {
        captured.say_gaps();
    }
    if let Some(fit) = &alignment.fit {
        if asked.quiet || asked.view.has_account() {
            return Ok(());
        }
        return view::say_alignment(alignment, fit.at, clock.clone());
    }
    let path = captured.path.display();
    let Alignment {
        recorded,
        captured: count,
        outliers,
        ..
    } = *alignment;
    output::say(format_args!(
        "finrst: {path} is not aligned: it has {count} FINs and RSTs, {}; the recording has {recorded} that can be \
         known again, {}",
        during(
            captured
                .span
                .map(|(first, last)| (moment(first.into()), moment(last.into())))
        ),
        during(
            known
                .span
                .map(|(first, last)| (clock.utc(first), clock.utc(last)))
        )
    ));
    output::say(if outliers > 0 {
        format!(
            "hint: {outliers} are in both, but no half of them agree on how the clocks relate: was a clock set meanwhile, \
             or is the file made of several captures?"
        )
    } else {
        "hint: none is in both, by addresses, ports and sequence number: was it captured at that time, on the way \
         these connections took? where addresses are translated at both ends they cannot be known again"
            .to_owned()
    });
    Ok(())
}

fn moment(ns: i128) -> Timestamp {
    Timestamp::from_nanosecond(ns).unwrap_or_default()
}

fn during(span: Option<(Timestamp, Timestamp)>) -> String {
    span.map_or_else(
        || "at no time".to_owned(),
        |(first, last)| format!("{first:.3} to {last:.3} by its own clock"),
    )
}
