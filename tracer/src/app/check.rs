//! `finrst check`: does everything `trace` does up to the first record, and tells how it went.

use std::{io::Write, path::Path};

use aya::{maps::MapType, sys::is_map_supported};
use tracer_common::settings::stacks;

use super::{kernel, output, select};
use crate::{
    cli::{Check, Kernel, Output, Select, Stack},
    enrich::stacks::{KernelNames, kernel_names},
    exit::{Exit, Failure},
    probe::{
        catalog::SEGMENTS,
        plan::Plan,
        session::{Segments, Session},
        system::SystemFacts,
    },
};

mod json;
mod text;

/// Everything there is to tell.
struct Report {
    facts: SystemFacts,
    /// Whether stacks of the kernel can be told by names.
    names: KernelNames,
    /// The kernel half, or why it does not run.
    attached: Result<Attached, Failure>,
    /// Whether each transport can be used; `None` when that could not be tried.
    perf: Option<bool>,
    ringbuf: Option<bool>,
    verbose: bool,
}

impl Report {
    /// Why `trace` would not run, and what to do about it.
    fn trouble(&self) -> Option<(String, &str)> {
        match &self.attached {
            Err(failure) => Some((format!("{:#}", failure.error), failure.hint.as_str())),
            Ok(attached) => attached
                .plan
                .check()
                .err()
                .map(|error| (error.to_string(), "")),
        }
    }
}

/// What came of attaching.
struct Attached {
    plan: Plan,
    /// Fields this kernel lacks, and what endings lack for it.
    missing: Vec<(String, &'static str)>,
}

impl Report {
    /// The exit code `trace` would end with right away.
    fn exit(&self) -> Exit {
        match &self.attached {
            Err(failure) => failure.exit,
            Ok(attached) if attached.plan.check().is_err() => Exit::Kernel,
            Ok(_) => Exit::Ok,
        }
    }
}

pub(super) fn run(check: &Check) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _entered = runtime.enter();
    let report = look(&check.select, &check.kernel, check.verbose)?;
    let mut out = output::stdout();
    let written = match check.output {
        Output::Text => text::write(&report, &mut out),
        Output::Json => json::write(&report, &mut out),
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if !output::is_closed(&error) => Err(error.into()),
        _ => Ok(report.exit()),
    }
}

/// The report for people.
///
/// # Errors
///
/// The kernel's release cannot be read.
pub(super) fn text(select: &Select, kernel: &Kernel) -> Result<String, Failure> {
    let report = look(select, kernel, false)?;
    let mut text = Vec::new();
    text::write(&report, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Looks at everything; to be called within a runtime.
fn look(select: &Select, kernel: &Kernel, verbose: bool) -> Result<Report, Failure> {
    let attached = kernel::privileges().and_then(|_facts| attach(select, kernel));
    Ok(Report {
        facts: SystemFacts::read(Path::new("/"))?,
        names: kernel_names(),
        perf: attached.as_ref().ok().map(|_| true),
        ringbuf: is_map_supported(MapType::RingBuf).ok(),
        attached,
        verbose,
    })
}

/// Attaches every point and detaches again.
fn attach(select: &Select, asked: &Kernel) -> Result<Attached, Failure> {
    let types = kernel::types(asked.btf.as_deref())?;
    let filters = select::filters(select, true)?;
    let segments = Segments {
        points: SEGMENTS,
        ..Segments::default()
    };
    let mut request = kernel::request(asked, u32::MAX, filters, segments)?;
    // What `leaks` wants as well: calls that send and receive are hooked for their stacks alone.
    let of_leaks = stacks::KEEPING_USER | stacks::TOUCH_USER;
    request.stacks = select::stacks(Some(Stack::Both)) | of_leaks;
    let Session { plan, resolved, .. } = kernel::open(&request, &types)?;
    let missing = resolved
        .missing
        .iter()
        .map(|missing| (missing.to_string(), missing.field.lost));
    Ok(Attached {
        plan,
        missing: missing.collect(),
    })
}
