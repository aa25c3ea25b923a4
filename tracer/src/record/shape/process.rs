//! What is known of a process.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Bytes, Unknown};
use crate::{
    model::identity::{Container, PodUid, ProcessFacts, Runtime},
    record::Answer,
};

/// A process and what is known of it.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::record) struct Told<'a> {
    pid: u32,
    start_ns: u64,
    facts: Option<Facts<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Facts<'a> {
    exe: Option<Bytes<'a>>,
    cmdline: Option<Vec<Bytes<'a>>>,
    cgroup: Option<Bytes<'a>>,
    container: Option<InContainer<'a>>,
    pod: Option<Cow<'a, str>>,
    namespace_pids: Cow<'a, [u32]>,
}

#[derive(Debug, Serialize, Deserialize)]
struct InContainer<'a> {
    id: Bytes<'a>,
    runtime: Option<Cow<'a, str>>,
}

/// What runs containers, every one.
const RUNTIMES: [Runtime; 6] = [
    Runtime::Docker,
    Runtime::Containerd,
    Runtime::CriO,
    Runtime::Podman,
    Runtime::Nspawn,
    Runtime::Lxc,
];

impl<'a> Told<'a> {
    pub(in crate::record) fn new(pid: u32, start_ns: u64, facts: Option<&'a ProcessFacts>) -> Self {
        Self {
            pid,
            start_ns,
            facts: facts.map(Facts::new),
        }
    }

    pub(in crate::record) fn answer(&self) -> Result<Answer, Unknown> {
        Ok(Answer::Process {
            pid: self.pid,
            start_ns: self.start_ns,
            facts: self.facts.as_ref().map(Facts::facts).transpose()?,
        })
    }
}

impl<'a> Facts<'a> {
    fn new(facts: &'a ProcessFacts) -> Self {
        let ProcessFacts {
            exe,
            cmdline,
            cgroup,
            container,
            pod,
            namespace_pids,
        } = facts;
        let cmdline = cmdline.as_ref();
        Self {
            exe: exe.as_ref().map(Bytes::from),
            cmdline: cmdline.map(|it| it.iter().map(Bytes::from).collect()),
            cgroup: cgroup.as_ref().map(Bytes::from),
            container: container.as_ref().map(|container| InContainer {
                id: Bytes::from(&container.id),
                runtime: container.runtime.map(|it| it.code().into()),
            }),
            pod: pod.as_ref().map(|PodUid(uid)| uid.into()),
            namespace_pids: namespace_pids.into(),
        }
    }

    fn facts(&self) -> Result<ProcessFacts, Unknown> {
        let foreign = |bytes: &Option<Bytes<'_>>| bytes.as_ref().map(Bytes::foreign).transpose();
        let arguments = |it: &Vec<Bytes<'_>>| it.iter().map(Bytes::foreign).collect();
        Ok(ProcessFacts {
            exe: foreign(&self.exe)?,
            cmdline: self.cmdline.as_ref().map(arguments).transpose()?,
            cgroup: foreign(&self.cgroup)?,
            container: self.container.as_ref().map(container).transpose()?,
            pod: self.pod.as_ref().map(|uid| PodUid(uid.to_string())),
            namespace_pids: self.namespace_pids.to_vec(),
        })
    }
}

fn container(shape: &InContainer<'_>) -> Result<Container, Unknown> {
    let runtime = |code: &Cow<'_, str>| {
        let mut runtimes = RUNTIMES.into_iter();
        runtimes
            .find(|runtime| runtime.code() == code)
            .ok_or_else(|| Unknown::new("container runtime", code))
    };
    Ok(Container {
        id: shape.id.foreign()?,
        runtime: shape.runtime.as_ref().map(runtime).transpose()?,
    })
}
