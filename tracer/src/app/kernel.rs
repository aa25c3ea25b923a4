//! Getting the kernel half to run, or a failure that says what to do.

use std::{fs, io, path::Path};

use anyhow::Context as _;

use super::output;
use crate::{
    cli,
    exit::{Exit, Failure},
    model::reason::ReasonNames,
    probe::{
        btf::{Btf, VMLINUX},
        filter::Filters,
        object,
        plan::PlanError,
        session::{Gather, Request, Segments, Session, SessionError},
        system::{Capability, SystemFacts},
        way::{Allowed, Way},
    },
    render::Point,
};
use tracer_common::settings::transport;

/// Reads the types.
///
/// # Errors
///
/// Exit code 4 when this kernel tells none, 2 when a file was given and is no such file.
pub(super) fn types(given: Option<&Path>) -> Result<Btf, Failure> {
    let path = given.unwrap_or(Path::new(VMLINUX));
    Btf::read(path).map_err(|error| {
        let (exit, hint) = if given.is_none() {
            (Exit::Kernel, "finrst needs a kernel built with CONFIG_DEBUG_INFO_BTF, or its BTF in a file: --btf FILE")
        } else {
            (Exit::Usage, "--btf wants the raw BTF of the running kernel, as in /sys/kernel/btf/vmlinux")
        };
        Failure::new(exit, error, hint)
    })
}

/// Refuses early, and by name, when capabilities are missing.
///
/// # Errors
///
/// Exit code 3.
pub(super) fn privileges() -> Result<SystemFacts, Failure> {
    let facts = SystemFacts::read(Path::new("/"))?;
    let lacking = facts.lacking();
    if lacking.is_empty() {
        return Ok(facts);
    }
    let one = |capability: &Capability| format!("{} ({})", capability.name, capability.purpose);
    let list = lacking.iter().map(one).collect::<Vec<_>>().join(", ");
    let hint = if facts.initial_user_namespace == Some(false) {
        "this is a user namespace, whose capabilities do not count for BPF; run finrst outside of it"
    } else {
        "run it as root, or give it the capabilities: sudo setcap \
         cap_bpf,cap_perfmon,cap_ipc_lock,cap_sys_ptrace,cap_dac_read_search,cap_syslog+ep finrst"
    };
    Err(Failure::new(
        Exit::Privileges,
        anyhow::anyhow!("privileges are missing: {list}"),
        hint,
    ))
}

/// What to ask of the kernel half.
///
/// # Errors
///
/// A kernel object given by path cannot be read: exit code 2.
pub(super) fn request(
    kernel: &cli::Kernel,
    kinds: u32,
    filters: Filters,
    segments: Segments,
) -> Result<Request, Failure> {
    let object = match &kernel.object {
        None => object::embedded().to_vec(),
        Some(path) => fs::read(path)
            .with_context(|| format!("cannot read the kernel object {}", path.display()))
            .map_err(|error| Failure::new(Exit::Usage, error, ""))?,
    };
    Ok(Request {
        object,
        transport: match kernel.transport {
            cli::Transport::Auto => None,
            cli::Transport::Perf => Some(transport::PERF),
            cli::Transport::Ringbuf => Some(transport::RINGBUF),
        },
        buffer_kib: kernel.buffer_size,
        allowed: Allowed {
            way: match kernel.way {
                cli::Way::Auto => None,
                cli::Way::Fentry => Some(Way::Fentry),
                cli::Way::Kprobe => Some(Way::Kprobe),
                cli::Way::Tracepoint => Some(Way::Tracepoint),
            },
            system_calls: kernel.held_open,
        },
        kinds,
        stacks: 0,
        filters,
        segments,
        gather: Gather::default(),
    })
}

/// Attaches the kernel half.
///
/// # Errors
///
/// Exit code 2 for an object that is not ours, 4 for a kernel that lacks something, 1 otherwise.
pub(super) fn open(request: &Request, types: &Btf) -> Result<Session, Failure> {
    Session::open(request, types).map_err(|error| {
        let (exit, hint) = match &error {
            SessionError::Object(object::ObjectError::Maps(_)) | SessionError::Map { .. } => (
                Exit::Runtime,
                "`finrst check` shows what this kernel refuses",
            ),
            SessionError::Object(_) => (
                Exit::Usage,
                "without --object finrst uses the one it was built with",
            ),
            SessionError::Btf(_) | SessionError::Offsets(_) => (
                Exit::Kernel,
                "this kernel is older or built otherwise than any finrst knows",
            ),
            SessionError::Filter(_) => (
                Exit::Usage,
                "fewer values, or a network instead of many addresses",
            ),
            SessionError::Buffers { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => (
                Exit::Privileges,
                "perf buffers of this size need CAP_IPC_LOCK, or a higher kernel.perf_event_mlock_kb; \
                 --transport ringbuf needs neither",
            ),
            SessionError::Buffers { .. } => (Exit::Runtime, "try a smaller --buffer-size"),
        };
        Failure::new(exit, error, hint)
    })
}

/// Refuses when a required point is out of reach.
///
/// # Errors
///
/// Exit code 4.
pub(super) fn sufficient(session: &Session) -> Result<(), Failure> {
    session.plan.check().map_err(out_of_reach)
}

/// Refuses when state changes are out of reach, which tell everything of sockets that live on.
///
/// # Errors
///
/// Exit code 4.
pub(super) fn sufficient_for_states(session: &Session) -> Result<(), Failure> {
    let states = session.plan.check_points(&["state_changed"]);
    states.map_err(out_of_reach)
}

fn out_of_reach(error: PlanError) -> Failure {
    let hint = "`finrst check -v` shows every way that was tried and why it was refused";
    Failure::new(Exit::Kernel, error, hint)
}

/// Whether hooks see every RST that answers a segment: functions see it on every kernel, the tracepoint
/// where it gives reasons (since 6.10; before, it is silent without a full socket).
pub(super) fn sees_answers(session: &Session, reasons: &ReasonNames) -> bool {
    let hook = session.plan.hook("rst_answered");
    hook.is_some_and(|hook| hook.way() != Way::Tracepoint || reasons.iter().next().is_some())
}

/// Refuses when what tells the end of a connection is out of reach, where latencies are gathered.
///
/// # Errors
///
/// Exit code 4.
pub(super) fn gathers(session: &Session) -> Result<(), Failure> {
    session.plan.check_points(&["destroyed"]).map_err(|error| {
        let hint = "without --in-kernel the end of a connection is told by what did not happen";
        Failure::new(Exit::Kernel, error, hint)
    })
}

/// Every wanted point and how it is reached.
pub(super) fn points(session: &Session) -> Vec<Point<'static>> {
    let outcomes = session.plan.outcomes.iter();
    let points = outcomes
        .filter(|outcome| outcome.wanted)
        .map(|outcome| Point {
            name: outcome.point.name,
            way: outcome.chosen.map(|hook| hook.way().name()),
        });
    points.collect()
}

/// Says which points are not reached.
pub(super) fn say_absent(points: &[Point<'_>]) {
    let absent = points.iter().filter(|point| point.way.is_none());
    let absent: Vec<_> = absent.map(|point| point.name).collect();
    if !absent.is_empty() {
        let absent = absent.join(", ");
        output::say(format_args!(
            "finrst: running without {absent}: `finrst check` says why and what is lost"
        ));
    }
}

/// Refuses when segments are wanted of a point that is out of reach.
///
/// # Errors
///
/// Exit code 4.
pub(super) fn captures(session: &Session, segments: &Segments) -> Result<(), Failure> {
    session
        .plan
        .check_points(segments.points)
        .map_err(|error| {
            let hint = "--wire xmit and --wire afpacket need less of a kernel; without --wire nothing is captured";
            Failure::new(Exit::Kernel, error, hint)
        })
}
