//! `finrst latency`: endings gathered, live or of recordings.

use std::{fs::File, path::Path, sync::Arc};

use anyhow::Context as _;

use super::{
    job::Job,
    replay::{self, Asked},
    symbols::Naming,
    trace,
    view::{Gather, View},
};
use crate::{
    cli::{By as Asking, Latency, Stack},
    exit::{Exit, Failure},
    latency::group::By,
};

mod compare;
mod gathered;
mod in_kernel;

pub(super) fn run(asked: &Latency) -> Result<Exit, Failure> {
    if let Some([before, after]) = asked.compare.as_deref() {
        return compare::run(asked, before, after);
    }
    let interval = asked.interval.map(|it| it.as_nanos());
    if asked.in_kernel {
        in_kernel::check(by(asked.by))?;
    }
    let plot = asked.plot.as_deref().map(create).transpose()?;
    let by = by(asked.by);
    if asked.in_kernel {
        return in_kernel::run(asked, by, plot.map(Arc::new));
    }
    let gather = Gather {
        by,
        interval_ns: interval.map(|ns| u64::try_from(ns).unwrap_or(u64::MAX)),
        plot: plot.map(Arc::new),
    };
    let view = View::gathered(asked.output, asked.color, gather);
    match &asked.replay {
        Some(path) => replay::whole(&recorded(asked, path, view), replay::open(path)?),
        None => trace::live(&Job {
            select: &asked.select,
            stopping: &asked.stopping,
            kernel: &asked.kernel,
            wiring: &asked.wiring,
            command: &asked.command,
            quiet: asked.quiet,
            every_record: false,
            // Nobody else is told of them.
            stack: Some(match asked.by {
                Asking::Function => Stack::User,
                Asking::All | Asking::Process | Asking::Peer | Asking::Cause => Stack::None,
            }),
            go_callers: false,
            view: Some(view),
            file: None,
            catch: None,
        }),
    }
}

/// What is asked of a recording.
fn recorded<'a>(asked: &'a Latency, path: &'a Path, view: View) -> Asked<'a> {
    Asked {
        path,
        view,
        kinds: &asked.select.kinds,
        causes: &asked.select.causes,
        count: asked.stopping.count,
        quiet: asked.quiet,
        fail_on_loss: asked.stopping.fail_on_loss,
        naming: Naming::default(),
    }
}

const fn by(asked: Asking) -> By {
    match asked {
        Asking::All => By::All,
        Asking::Process => By::Process,
        Asking::Peer => By::Peer,
        Asking::Cause => By::Cause,
        Asking::Function => By::Function,
    }
}

/// Before anything is traced: a plot that cannot be written is a refusal.
fn create(path: &Path) -> Result<File, Failure> {
    let file = File::create(path).with_context(|| format!("cannot create {}", path.display()));
    file.map_err(|error| Failure::new(Exit::Usage, error, ""))
}
