//! `finrst trace`.

use anyhow::anyhow;

use super::{
    capture::Capture,
    job::Job,
    kernel,
    record::{Destination, Tape},
    replay,
    scan::Pending,
    select,
    stop::Stop,
    view::{self, View},
};
use crate::{
    cli::{Stack, Trace},
    enrich::facts::Live,
    exit::{Exit, Failure},
    model::reason::ReasonNames,
    pipeline::tap::{Noted, Tapped},
};

mod run;

use run::Run;

pub(super) fn run(trace: &Trace) -> Result<Exit, Failure> {
    if let Some(file) = &trace.replay {
        return replay::run(trace, file);
    }
    let file = trace.record.clone().map(|path| Destination {
        path,
        force: trace.force,
    });
    if file.as_ref().is_some_and(Destination::is_stdout) {
        let what = anyhow!("standard output has the lines already");
        let hint = "`finrst record -o -` writes a recording there; a file of that name is ./-";
        return Err(Failure::new(Exit::Usage, what, hint));
    }
    live(&Job {
        select: &trace.select,
        stopping: &trace.stopping,
        kernel: &trace.kernel,
        command: &trace.command,
        quiet: trace.quiet,
        wiring: &trace.wiring,
        every_record: trace.verbose,
        stack: trace.stack,
        view: Some(View::new(trace)),
        file,
    })
}

/// Traces.
///
/// # Errors
///
/// A [`Failure`] of any exit code.
pub(super) fn live(job: &Job<'_>) -> Result<Exit, Failure> {
    let facts = kernel::privileges()?;
    let mut filters = select::filters(job.select, job.quiet)?;
    if !job.command.is_empty() {
        // The command will be a child of ours, and we have no connections of our own.
        filters.pids.push(std::process::id());
        filters.follow = true;
    }
    job.file.as_ref().map_or(Ok(()), Destination::check)?;
    let types = kernel::types(job.kernel.btf.as_deref())?;
    let records = select::records(&job.select.kinds, job.every_record);
    let mut request = kernel::request(job.kernel, records, filters)?;
    request.stacks = select::stacks(job.stack);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stop = Stop::listen()?;
        let session = kernel::open(&request, &types)?;
        kernel::sufficient(&session)?;
        let names = types.btf.enumeration("sk_rst_reason")?.unwrap_or_default();
        let names = ReasonNames::new(names);
        let clock = view::wall_clock();
        let live = Live::here();
        let live = match job.stack {
            Some(Stack::None | Stack::Kernel) => live.without_stacks(),
            Some(Stack::User | Stack::Both) | None => live,
        };
        let (noted, settings) = (Noted::new(live), job.settings());
        let capture = Capture::open(job.wiring)?;
        let mut pipeline = match job.view {
            Some(view) => view.pipeline(noted, &settings, names.clone(), clock.clone()),
            None => view::silent(noted, &settings, names.clone()),
        };
        if capture.is_on() {
            pipeline.captures(job.settings().everything);
        }
        let tape = job.file.as_ref().map(|file| {
            Ok::<_, Failure>(Tape {
                writer: file.begin()?,
                clock_offset_ns: clock.offset_ns,
                reasons: names,
            })
        });
        let tape = tape.transpose()?;
        let run = Run {
            job,
            session,
            pipeline: Tapped::new(pipeline),
            known: Pending::new(),
            capture,
            stop,
            unrecorded: false,
        };
        run.go(&facts, tape).await
    })
}
