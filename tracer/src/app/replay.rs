//! `finrst trace --replay`.

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    path::Path,
};

use anyhow::Context as _;

use super::{
    output,
    progress::Progress,
    select,
    symbols::Naming,
    view::{self, View},
};
use crate::{
    cli::{Kind, Retold, Trace},
    exit::{Exit, Failure},
    model::{cause::Cause, reason::ReasonNames},
    pipeline::Pipeline,
    record::{Header, ReadError, Settings, Stop},
    replay::{Recorded, Recording, Told, Unfit},
};

/// How a recording is to be told.
pub(super) struct Asked<'a> {
    pub(super) path: &'a Path,
    pub(super) view: View,
    pub(super) kinds: &'a [Kind],
    pub(super) causes: &'a [Cause],
    pub(super) count: Option<u64>,
    pub(super) quiet: bool,
    pub(super) fail_on_loss: bool,
    pub(super) naming: Naming,
}

impl<'a> Asked<'a> {
    /// As verbs ask that tell nothing live.
    ///
    /// # Errors
    ///
    /// Exit code 2 for files of symbols that are not there.
    pub(super) fn of(
        path: &'a Path,
        view: View,
        retold: &'a Retold,
        quiet: bool,
    ) -> Result<Self, Failure> {
        Ok(Self {
            path,
            view,
            kinds: &retold.kinds,
            causes: &retold.causes,
            count: retold.count,
            quiet,
            fail_on_loss: retold.fail_on_loss,
            naming: Naming::open(&retold.symbols)?,
        })
    }
}

/// A recording that can be told, and how many bytes it has if that is known.
pub(super) struct Opened {
    pub(super) recording: Recording<Box<dyn Read>>,
    pub(super) bytes: Option<u64>,
}

pub(super) fn run(trace: &Trace, path: &Path) -> Result<Exit, Failure> {
    let opened = open(path)?;
    let captured = opened.recording.header.settings.answer_ns > 0;
    let hint = "`finrst record --wire afpacket` records the segments too";
    View::new(trace).check(captured, hint)?;
    let asked = Asked {
        path,
        view: View::new(trace),
        kinds: &trace.select.kinds,
        causes: &trace.select.causes,
        count: trace.stopping.count,
        quiet: trace.quiet,
        fail_on_loss: trace.stopping.fail_on_loss,
        naming: Naming::open(&trace.symbols)?,
    };
    whole(&asked, opened)
}

/// Tells a recording and nothing besides; a reader that goes away ends it early.
///
/// # Errors
///
/// The output cannot be written.
pub(super) fn whole(asked: &Asked<'_>, opened: Opened) -> Result<Exit, Failure> {
    let told = tell(asked, opened, &mut |_recording, _pipeline| Ok(true));
    match told {
        Err(error) if output::is_closed(&error) => Ok(Exit::Ok),
        exit => Ok(exit?),
    }
}

/// Something to be said after the start and before the rest; whether to go on.
pub(super) type Before<'a> =
    &'a mut dyn FnMut(&mut Recording<Box<dyn Read>>, &mut Pipeline<Recorded>) -> io::Result<bool>;

/// Tells a recording.
///
/// # Errors
///
/// Those of the output.
pub(super) fn tell(asked: &Asked<'_>, opened: Opened, before: Before<'_>) -> io::Result<Exit> {
    let Opened {
        mut recording,
        bytes,
    } = opened;
    let view = &asked.view;
    let settings = settings(asked, &recording.header.settings);
    let clock = view::from_offset(recording.header.clock_offset_ns);
    let reasons = reasons(&recording.header);
    let mut pipeline = view.pipeline(asked.naming.recorded(), &settings, reasons, clock);
    if settings.answer_ns > 0 {
        pipeline.captures(settings.everything);
    }
    if !asked.quiet || view.is_framed() {
        recording.start(&mut pipeline)?;
    }
    if !before(&mut recording, &mut pipeline)? {
        pipeline.finish(false)?;
        return Ok(Exit::Runtime);
    }
    // Lines on the same terminal would run into it.
    let watched = !asked.quiet && (view.is_gathered() || !io::stdout().is_terminal());
    let mut progress = Progress::new(asked.path, bytes.filter(|_| watched));
    let told = recording.tell(&mut pipeline, view.is_framed(), &mut |bytes| {
        progress.at(bytes);
    })?;
    drop(progress);
    if !asked.quiet {
        asked.naming.say_missing();
    }
    if !asked.quiet && !view.has_account() {
        view::say_summary(&told.tally)?;
    }
    Ok(judge(asked, told))
}

/// The names of the recorded kernel's reset reasons.
pub(super) fn reasons(header: &Header) -> ReasonNames {
    let reasons = header.reasons.iter().map(|(&code, name)| (code, &**name));
    ReasonNames::new(reasons)
}

/// What was recorded, narrowed by what is asked now.
pub(super) fn settings(asked: &Asked<'_>, recorded: &Settings) -> Settings {
    let wanted = select::wanted(asked.kinds);
    Settings {
        fin: recorded.fin && wanted.fin,
        rst: recorded.rst && wanted.rst,
        count: asked.count.or(recorded.count),
        causes: if asked.causes.is_empty() {
            recorded.causes.clone()
        } else {
            select::causes(asked.causes)
        },
        ..recorded.clone()
    }
}

/// Says what was missing of the recording; the exit code says whether anything was.
pub(super) fn judge(asked: &Asked<'_>, told: Told) -> Exit {
    let path = asked.path.display();
    if told.skipped > 0 && !asked.quiet {
        output::say(format_args!(
            "finrst: {path} has {} entries of a newer finrst, which were passed over",
            told.skipped
        ));
    }
    match told.stop {
        Ok(Stop::Whole) if asked.fail_on_loss && told.tally.lost.total() > 0 => Exit::Lost,
        Ok(Stop::Whole) => Exit::Ok,
        Ok(Stop::Cut { offset }) => {
            output::say(format_args!(
                "finrst: {path} stops at byte {offset}, in the middle: it was cut, or whoever wrote it was \
                 killed or is still writing; everything before is told"
            ));
            Exit::Runtime
        }
        Err(error) => {
            let error = anyhow::Error::from(error);
            output::say(format_args!(
                "finrst: {path}: {error:#}; everything before is told"
            ));
            Exit::Runtime
        }
    }
}

/// Begins to read a recording.
///
/// # Errors
///
/// It cannot be opened, or is none that this build tells.
pub(super) fn open(path: &Path) -> Result<Opened, Failure> {
    let (file, bytes) = file(path)?;
    let recording = Recording::open(file).map_err(|error| unfit(error, path))?;
    Ok(Opened { recording, bytes })
}

/// The file, and how many bytes it has if that is known.
fn file(path: &Path) -> Result<(Box<dyn Read>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin()), None));
    }
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()));
    let file = file.map_err(|error| Failure::new(Exit::Usage, error, ""))?;
    let found = file.metadata().ok().filter(std::fs::Metadata::is_file);
    Ok((Box::new(file), found.map(|found| found.len())))
}

fn unfit(error: Unfit, path: &Path) -> Failure {
    let (exit, hint) = match &error {
        Unfit::Read(ReadError::Io(_)) => (Exit::Runtime, ""),
        Unfit::Read(ReadError::NotARecording) => {
            (Exit::Usage, "`finrst record -o FILE` writes one")
        }
        Unfit::Read(ReadError::Version { .. }) | Unfit::Contract { .. } => (
            Exit::Usage,
            "replay it with the finrst that wrote it: `finrst --version`",
        ),
        Unfit::ByteOrder { .. } => (Exit::Usage, "replay it on a machine of its kind"),
        Unfit::NoHeader { .. } | Unfit::Read(_) => (Exit::Usage, ""),
    };
    let error = anyhow::Error::from(error).context(path.display().to_string());
    Failure::new(exit, error, hint)
}
