//! `finrst latency --compare`: two recordings held against each other.

use std::{
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    app::{
        latency::recorded,
        output,
        progress::Progress,
        replay::{self, Opened},
        view::{self, Gather, View},
    },
    cli::{Latency, Output},
    exit::{Exit, Failure},
    latency::{Group, Latencies, difference::differences, group::By},
    model::{reason::ReasonNames, time::MonoNs},
    render::{Explained, Format, Options, Render, latency::difference, time::WallClock},
    replay::Recorded,
};

/// A recording, gathered.
struct Gathered {
    group: Group,
    /// When it ended, and the wall clock it went by.
    at: MonoNs,
    clock: WallClock,
    exit: Exit,
}

/// Gathers both, and tells how they differ.
///
/// # Errors
///
/// One of them cannot be read, or the output not be written.
pub(super) fn run(asked: &Latency, before: &Path, after: &Path) -> Result<Exit, Failure> {
    let first = gather(asked, before)?;
    let second = gather(asked, after)?;
    let format = match asked.output {
        Output::Text => Format::Text,
        Output::Json => Format::Json,
    };
    let options = Options {
        clock: second.clock,
        reasons: ReasonNames::default(),
        colour: output::coloured(asked.color),
        explain: false,
        stacks: false,
    };
    let names = (before.display().to_string(), after.display().to_string());
    let names = (&*names.0, &*names.1);
    let differences = differences(&first.group, &second.group);
    let mut out = output::stdout();
    let told = difference::write((format, options), names, second.at, &differences, &mut out);
    match told.and_then(|()| out.flush()) {
        Err(error) if !output::is_closed(&error) => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    Ok(if first.exit == Exit::Ok {
        second.exit
    } else {
        first.exit
    })
}

fn gather(asked: &Latency, path: &Path) -> Result<Gathered, Failure> {
    let Opened { recording, bytes } = replay::open(path)?;
    let header = &recording.header;
    let view = View::gathered(
        asked.output,
        asked.color,
        Gather {
            by: By::All,
            interval_ns: None,
            plot: None,
        },
    );
    let asked = recorded(asked, path, view);
    let settings = replay::settings(&asked, &header.settings);
    let clock = view::from_offset(header.clock_offset_ns);
    let latencies = Arc::new(Mutex::new(Latencies::new(By::All)));
    let listener = Box::new(Listener(Arc::clone(&latencies)));
    let mut pipeline = view::quiet(
        Recorded::default(),
        &settings,
        replay::reasons(header),
        listener,
    );
    if settings.answer_ns > 0 {
        pipeline.captures(settings.everything);
    }
    let mut progress = Progress::new(path, bytes.filter(|_| !asked.quiet));
    let told = recording.tell(&mut pipeline, false, &mut |bytes| progress.at(bytes))?;
    drop(progress);
    let at = told.tally.at;
    if !asked.quiet {
        view::say_summary(&told.tally)?;
    }
    let exit = replay::judge(&asked, told);
    let latencies = latencies.lock().unwrap_or_else(PoisonError::into_inner);
    let groups = latencies.groups();
    let group = groups.first().map(|(_, group)| (*group).clone());
    Ok(Gathered {
        group: group.unwrap_or_default(),
        at,
        clock,
        exit,
    })
}

/// Hears endings, and writes nothing.
struct Listener(Arc<Mutex<Latencies>>);

impl Render for Listener {
    fn ending(&mut self, explained: &Explained<'_>, _out: &mut dyn Write) -> io::Result<()> {
        let mut latencies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latencies.add(explained.ending, None);
        Ok(())
    }
}
