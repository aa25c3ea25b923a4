//! `finrst trace`.

use anyhow::anyhow;
use tracer_common::event::Kind;

use super::{
    captures::{Captures, Scope},
    catch::Catching,
    clocks::Clocks,
    command, confined,
    goroutines::Watch,
    job::Job,
    kernel,
    record::{Destination, Tape},
    replay,
    scan::Pending,
    select,
    stop::Stop,
    translators::Translators,
    view::{self, View},
    wire,
};
use crate::{
    cli::{Stack, Trace, Wire},
    enrich::facts::Live,
    exit::{Exit, Failure},
    model::reason::ReasonNames,
    pipeline::{
        Pipeline,
        tap::{Noted, Tapped},
    },
    probe::{filter::Filters, session::Request},
    record::Settings,
    render::time::WallClock,
};

mod announce;
mod callers;
mod devices;
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
    let view = View::new(trace);
    view.check(
        trace.wiring.wire != Wire::Off,
        "capture them: --wire afpacket",
    )?;
    live(&Job {
        select: &trace.select,
        stopping: &trace.stopping,
        kernel: &trace.kernel,
        command: &trace.command,
        quiet: trace.quiet,
        wiring: &trace.wiring,
        every_record: trace.verbose,
        stack: trace.stack,
        go_callers: trace.go_callers,
        view: Some(view),
        file,
        catch: None,
    })
}

/// What is asked of the machine.
fn world(job: &Job<'_>) -> Live {
    match job.stack {
        Some(Stack::None | Stack::Kernel) if !job.go_callers => Live::here().without_stacks(),
        Some(_) | None => Live::here(),
    }
}

/// What the kernel half is asked for.
fn request(job: &Job<'_>, filters: Filters) -> Result<Request, Failure> {
    let mut records = select::records(&job.select.kinds, job.every_record);
    let segments = wire::segments(job.wiring)?;
    if !segments.points.is_empty() {
        records |= Kind::SegmentSeen.bit();
    }
    if job.go_callers {
        records |= Kind::CloseAsked.bit();
    }
    let mut request = kernel::request(job.kernel, records, filters, segments)?;
    request.stacks = select::stacks(job.stack);
    Ok(request)
}

/// The road, to whoever is told.
fn road(
    job: &Job<'_>,
    catching: Option<&Catching>,
    noted: Noted<Live>,
    (settings, names, clock): (&Settings, ReasonNames, WallClock),
) -> Pipeline<Noted<Live>> {
    let mut pipeline = match (&job.view, catching) {
        (Some(view), _) => view.pipeline(noted, settings, names, clock),
        (None, Some(catching)) => catching.pipeline(noted, settings, names, clock),
        (None, None) => view::silent(noted, settings, names),
    };
    if job.wiring.wire != Wire::Off {
        pipeline.captures(settings.everything);
    }
    pipeline
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
    let request = request(job, filters)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stop = Stop::listen()?;
        let catching = job.catch.map(Catching::begin).transpose()?;
        let mut session = kernel::open(&request, &types)?;
        kernel::sufficient(&session)?;
        kernel::captures(&session, &request.segments)?;
        let names = types.enumeration("sk_rst_reason")?.unwrap_or_default();
        let names = ReasonNames::new(names);
        // Megabytes that nothing asks any more.
        drop(types);
        let (clocks, first) = Clocks::new(job.quiet);
        let clock = view::from_offset(first.offset_ns);
        let settings = job.settings(kernel::sees_answers(&session, &names));
        let scope = Scope::of(&job.select.ends.netns, &request.filters)?;
        let capture = Captures::open(job.wiring, scope, job.quiet)?;
        let devices = wire::devices(&request.segments)?;
        let file = job.file.as_ref().map(Destination::begin).transpose()?;
        // Its thread enters network namespaces, which this one may do no more in a moment.
        let known = Pending::new();
        // Nothing is told before the command runs: a command that cannot is a refusal. And it is to have
        // every privilege finrst was given.
        let child = command::start(job.command)?;
        confined::confine(confined::needs(job, &facts), job.quiet);
        let noted = Noted::new(world(job));
        let telling = (&settings, names.clone(), clock);
        let pipeline = road(job, catching.as_ref(), noted, telling);
        let medium = file.or_else(|| catching.as_ref().map(Catching::medium));
        let tape = medium.map(|medium| Tape {
            medium,
            clock_offset_ns: first.offset_ns,
            reasons: names,
            settings,
        });
        let goroutines = Watch::new(session.goroutines.take(), job.go_callers);
        let run = Run {
            job,
            session,
            pipeline: Tapped::new(pipeline),
            known,
            goroutines,
            capture,
            clocks,
            devices,
            translators: Translators::new(),
            stop,
            unrecorded: false,
            catching,
        };
        run.go(&facts, tape, child).await
    })
}
