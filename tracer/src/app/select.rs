//! What was typed as filters, looked up: names become numbers, families become lists.

use std::path::Path;

use anyhow::anyhow;
use tracer_common::{event::Kind as Record, settings::stacks};

use super::output;
use crate::{
    cli::{Ends, Kind, Select, SocketFilters, Stack},
    enrich::{descendants, netns, users},
    exit::{Exit, Failure},
    model::cause::Cause,
    pipeline::Wanted,
    probe::filter::Filters,
};

const PROC: &str = "/proc";

/// The filters for the kernel half.
///
/// # Errors
///
/// A process, user or namespace that does not exist: exit code 2.
pub(super) fn filters(select: &Select, quiet: bool) -> Result<Filters, Failure> {
    let proc = Path::new(PROC);
    for &pid in &select.pids {
        must_exist(pid)?;
    }
    for comm in select
        .comms
        .iter()
        .filter(|comm| !descendants::named(proc, &comm.0))
    {
        if !quiet {
            output::say(format_args!(
                "finrst: no process is named {:?} yet; waiting for one",
                comm.0
            ));
        }
    }
    let pids = if select.follow {
        descendants::with_descendants(proc, &select.pids)
    } else {
        select.pids.clone()
    };
    Ok(Filters {
        pids,
        follow: select.follow,
        comms: select.comms.iter().map(|comm| padded(&comm.0)).collect(),
        ..of_ends(&select.ends)?
    })
}

/// The filters for the kernel half where sockets are asked for; their states it does not know.
///
/// # Errors
///
/// A user or namespace that does not exist: exit code 2.
pub(super) fn of_sockets(asked: &SocketFilters) -> Result<Filters, Failure> {
    Ok(Filters {
        pids: asked.pids.clone(),
        comms: asked.comms.iter().map(|comm| padded(&comm.0)).collect(),
        ..of_ends(&asked.ends)?
    })
}

fn of_ends(ends: &Ends) -> Result<Filters, Failure> {
    let users = ends.users.iter().map(|user| uid(user));
    let namespaces = ends.netns.iter().map(|wanted| namespace(wanted));
    Ok(Filters {
        uids: users.collect::<Result<_, _>>()?,
        netns: namespaces.collect::<Result<_, _>>()?,
        local_ports: ends.local_ports.clone(),
        remote_ports: ends.remote_ports.clone(),
        nets: ends.nets.clone(),
        ipv4: ends.ipv4,
        ipv6: ends.ipv6,
        ..Filters::default()
    })
}

/// The records wanted: forks only with `every` event, and for resets alone nothing that only tells
/// of FINs. Exits are wanted for the statuses of processes that owned connections, and programs
/// executed for the goroutines of those that are of Go.
pub(super) fn records(kinds: &[Kind], every: bool) -> u32 {
    let wanted = wanted(kinds);
    let is_wanted = |kind: &Record| match kind {
        Record::ProcessForked => every,
        Record::HeldOpen => wanted.fin && wanted.rst,
        Record::FinQueued | Record::FinRetransmitted => wanted.fin,
        Record::CloseCalled
        | Record::ShutdownCalled
        | Record::RstSent
        | Record::RstAnswered
        | Record::StateChanged
        | Record::RstReceived
        | Record::Destroyed
        | Record::ProcessExited
        | Record::ProcessExeced
        | Record::Accepted
        | Record::Queued
        | Record::Stack => true,
        // Asked for by --wire and by --go-callers.
        Record::SegmentSeen | Record::CloseAsked => false,
    };
    Record::ALL
        .iter()
        .filter(|kind| is_wanted(kind))
        .fold(0, |bits, kind| bits | kind.bit())
}

/// The stacks wanted, bits of [`stacks`]; without a wish those of RSTs sent.
pub(super) const fn stacks(asked: Option<Stack>) -> u32 {
    const KERNEL: u32 = stacks::RESET_KERNEL | stacks::OTHER_KERNEL;
    const USER: u32 = stacks::RESET_USER | stacks::OTHER_USER;
    match asked {
        None => stacks::RESET_KERNEL | stacks::RESET_USER,
        Some(Stack::None) => 0,
        Some(Stack::Kernel) => KERNEL,
        Some(Stack::User) => USER,
        Some(Stack::Both) => KERNEL | USER,
    }
}

/// Which kinds of endings to tell; all without a wish.
pub(super) fn wanted(kinds: &[Kind]) -> Wanted {
    let has = |kind| kinds.is_empty() || kinds.contains(&kind);
    Wanted {
        fin: has(Kind::Fin),
        rst: has(Kind::Rst),
        causes: Vec::new(),
    }
}

/// The codes of the causes asked for; none stands for all.
pub(super) fn causes(causes: &[Cause]) -> Vec<String> {
    let codes = causes.iter().map(|cause| cause.code().to_owned());
    codes.collect()
}

/// A pid that was typed must be some process's.
///
/// # Errors
///
/// It is not: exit code 2.
pub(super) fn must_exist(pid: u32) -> Result<(), Failure> {
    if descendants::exists(Path::new(PROC), pid) {
        return Ok(());
    }
    Err(usage(
        anyhow!("there is no process {pid}"),
        "`pgrep -a NAME` finds the pid of a program",
    ))
}

/// The id of a user given by number or name.
///
/// # Errors
///
/// No such user: exit code 2.
pub(super) fn uid(user: &str) -> Result<u32, Failure> {
    users::uid(Path::new("/etc/passwd"), user).ok_or_else(|| {
        usage(
            anyhow!("there is no user {user:?}"),
            "give the number if it is not in /etc/passwd",
        )
    })
}

/// The inode number of a network namespace given by number, name or path.
///
/// # Errors
///
/// No such namespace: exit code 2.
pub(super) fn namespace(wanted: &str) -> Result<u32, Failure> {
    netns::inode(wanted).map_err(|error| usage(error, "`ip netns` and `lsns -t net` list them"))
}

fn padded(comm: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(comm.bytes().take(15)) {
        *to = from;
    }
    bytes
}

fn usage(error: impl Into<anyhow::Error>, hint: &str) -> Failure {
    Failure::new(Exit::Usage, error, hint)
}
