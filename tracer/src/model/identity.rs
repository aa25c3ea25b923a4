//! What a process is beyond its pid and its name.

use std::fmt;

use super::foreign::Foreign;

/// Facts about one process, each as it was when the process was first seen; `None` is "not known".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessFacts {
    /// Path of the program, in the process's own mount namespace; ` (deleted)` follows where the
    /// file is gone.
    pub exe: Option<Foreign>,
    /// The arguments, the program's name first; what is beyond 4,096 bytes is cut off.
    pub cmdline: Option<Vec<Foreign>>,
    /// Path of the control group, from the root our own namespace has.
    pub cgroup: Option<Foreign>,
    /// The container the control group belongs to; `None` also outside of any.
    pub container: Option<Container>,
    /// The Kubernetes pod the control group belongs to; `None` also outside of any.
    pub pod: Option<PodUid>,
    /// The pid in every pid namespace it has one in, the outermost first; empty is "not known".
    pub namespace_pids: Vec<u32>,
}

impl ProcessFacts {
    /// The pid as the process itself sees it.
    #[must_use]
    pub fn namespace_pid(&self) -> Option<u32> {
        self.namespace_pids.last().copied()
    }

    /// Bytes on the heap, roughly.
    #[must_use]
    pub fn heap(&self) -> usize {
        let arguments = self.cmdline.as_deref().unwrap_or_default();
        let arguments = arguments
            .iter()
            .map(|argument| argument.bytes().len() + size_of::<Foreign>());
        let container = self.container.as_ref().map(|container| &container.id);
        let names = [self.exe.as_ref(), self.cgroup.as_ref(), container];
        let names = names.into_iter().flatten().map(|name| name.bytes().len());
        arguments.sum::<usize>()
            + names.sum::<usize>()
            + self.pod.as_ref().map_or(0, |pod| pod.0.len())
            + size_of_val(self.namespace_pids.as_slice())
    }
}

/// A container, as the path of its control group names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Container {
    /// 64 hexadecimal digits, or the name for the runtimes that go by names.
    pub id: Foreign,
    /// What runs it; `None` where the path does not say.
    pub runtime: Option<Runtime>,
}

impl fmt::Display for Container {
    /// `RUNTIME/ID` as people know it: of a hash the first 12 digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(runtime) = self.runtime {
            write!(f, "{}/", runtime.code())?;
        }
        let id = self.id.to_string();
        let short = (id.len() == 64).then(|| id.get(..12)).flatten();
        f.write_str(short.unwrap_or(&id))
    }
}

/// What runs containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// Docker.
    Docker,
    /// containerd, also below nerdctl and Kubernetes.
    Containerd,
    /// CRI-O.
    CriO,
    /// Podman.
    Podman,
    /// systemd-nspawn.
    Nspawn,
    /// LXC and Incus.
    Lxc,
}

impl Runtime {
    /// Its name in output.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Podman => "podman",
            Self::Nspawn => "systemd-nspawn",
            Self::Lxc => "lxc",
        }
    }
}

/// The uid of a Kubernetes pod: a UUID with dashes, or the 32 digits of a static pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodUid(pub String);
