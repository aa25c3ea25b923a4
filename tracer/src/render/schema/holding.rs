//! The shapes of who holds a socket.

use serde::Serialize;

use super::{Each, Exit, Name, Word, exit};
use crate::{
    model::{
        ending::{LetGo, Owner as ModelOwner},
        foreign::Foreign,
        holder::Holder as ModelHolder,
        identity::{PodUid, ProcessFacts, Runtime},
        process::Comm,
    },
    render::words,
};

/// Who held the socket.
#[derive(Serialize)]
pub(super) struct Owner<'a> {
    pid: u32,
    tid: u32,
    /// The pid as the process itself sees it.
    namespace_pid: Option<u32>,
    comm: Name<Comm>,
    exe: Option<Name<&'a Foreign>>,
    cmdline: Option<Each<'a, Foreign, Name<&'a Foreign>>>,
    uid: u32,
    cgroup: Option<Name<&'a Foreign>>,
    container: Option<Name<&'a Foreign>>,
    container_runtime: Option<Word>,
    pod: Option<&'a str>,
    exit: Option<Exit>,
    start_ns: Option<u64>,
    confidence: Word,
    from: Word,
}

/// One descriptor that refers to the socket.
#[derive(Serialize)]
pub(super) struct Holder {
    pid: u32,
    fd: Option<u32>,
    comm: Name<Comm>,
    uid: u32,
    start_ns: Option<u64>,
    from: &'static str,
}

/// The last close that ended nothing, before the one that did.
#[derive(Serialize)]
pub(super) struct HeldOpenSince {
    mono_ns: u64,
    pid: u32,
    tid: u32,
    comm: Name<Comm>,
}

pub(super) fn owner<'a>(owner: &ModelOwner, facts: Option<&'a ProcessFacts>) -> Owner<'a> {
    let task = &owner.task;
    let container = facts.and_then(|facts| facts.container.as_ref());
    Owner {
        pid: task.pid,
        tid: task.tid,
        namespace_pid: facts.and_then(ProcessFacts::namespace_pid),
        comm: Name(task.process_comm),
        exe: facts.and_then(|facts| facts.exe.as_ref()).map(Name),
        cmdline: facts
            .and_then(|facts| facts.cmdline.as_deref())
            .map(|items| Each { items, shape: Name }),
        uid: task.uid,
        cgroup: facts.and_then(|facts| facts.cgroup.as_ref()).map(Name),
        container: container.map(|container| Name(&container.id)),
        container_runtime: container
            .and_then(|it| it.runtime)
            .map(|it: Runtime| Word(it.code())),
        pod: facts
            .and_then(|facts| facts.pod.as_ref())
            .map(|PodUid(uid)| uid.as_str()),
        exit: task.exit.map(exit),
        start_ns: task.start_ns,
        confidence: Word(words::confidence(owner.confidence)),
        from: Word(owner.from.code()),
    }
}

pub(super) const fn holder(holder: &ModelHolder) -> Holder {
    Holder {
        pid: holder.pid,
        fd: holder.fd,
        comm: Name(holder.comm),
        uid: holder.uid,
        start_ns: holder.start_ns,
        from: holder.from.code(),
    }
}

pub(super) const fn held_open_since(let_go: LetGo) -> HeldOpenSince {
    HeldOpenSince {
        mono_ns: let_go.at.0,
        pid: let_go.task.pid,
        tid: let_go.task.tid,
        comm: Name(let_go.task.process_comm),
    }
}
