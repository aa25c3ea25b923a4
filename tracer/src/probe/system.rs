//! What this machine and these privileges allow, as plain facts.
//!
//! Read once from `/proc` and `/sys`; nothing here decides what is loaded, the kernel does.

use std::{
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use thiserror::Error;

mod capability;

pub use capability::{BPF, CAPABILITIES, CHECKPOINT_RESTORE, Capability, SYS_ADMIN};

/// Inode of the initial user namespace, `PROC_USER_INIT_INO` in `include/linux/proc_ns.h`.
const INITIAL_USER_NAMESPACE: &str = "user:[4026531837]";

/// The kernel release could not be read: `/proc` is not mounted, and without it nothing works.
#[derive(Debug, Error)]
#[error("cannot read the kernel's release from {}", path.display())]
pub struct SystemError {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

/// How far the kernel is locked against its administrator (Secure Boot, `lockdown=`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lockdown {
    /// Not locked.
    None,
    /// The kernel cannot be changed; the hooks only read, so nothing is lost.
    Integrity,
    /// The kernel cannot be read either: helpers that read kernel memory, kprobes and tracefs
    /// are refused (`LOCKDOWN_BPF_READ_KERNEL`, `kernel/bpf/helpers.c`).
    Confidentiality,
}

impl Lockdown {
    /// The mode between the brackets of `/sys/kernel/security/lockdown`.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once('[')?;
        match rest.split_once(']')?.0 {
            "none" => Some(Self::None),
            "integrity" => Some(Self::Integrity),
            "confidentiality" => Some(Self::Confidentiality),
            _ => None,
        }
    }

    /// The kernel's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Integrity => "integrity",
            Self::Confidentiality => "confidentiality",
        }
    }
}

/// What the kernel is and what it lets this process do; `None` is "could not be read".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemFacts {
    /// Kernel release, as `uname -r` prints it.
    pub release: String,
    /// `None` also on kernels built without lockdown, or where securityfs is not mounted.
    pub lockdown: Option<Lockdown>,
    /// Effective capabilities of this process, a bit each; see [`Capability::number`].
    pub capabilities: Option<u64>,
    /// The highest capability the kernel knows; below 39 it has no `CAP_BPF` (before 5.8).
    pub last_capability: Option<u8>,
    /// Whether this is the initial user namespace; in any other no capability counts for BPF.
    pub initial_user_namespace: Option<bool>,
    /// `kernel.unprivileged_bpf_disabled`: 0 allowed, 1 disabled until reboot, 2 disabled.
    ///
    /// `None` also on kernels built without BPF.
    pub unprivileged_bpf_disabled: Option<u32>,
    /// `kernel.perf_event_paranoid`; without `CAP_PERFMON`, above 2 no perf event can be opened on
    /// kernels that carry Debian's patch.
    pub perf_event_paranoid: Option<i32>,
    /// Whether the kernel describes its own types, without which the hooks find no field.
    pub btf: bool,
    /// Whether system calls can be filtered, as finrst has it done to itself while it runs.
    pub filters_calls: bool,
}

impl SystemFacts {
    /// Reads the facts from the tree of files at `root`, `/` for this machine.
    ///
    /// # Errors
    ///
    /// When not even the kernel's release can be read. Every other fact may be missing.
    pub fn read(root: &Path) -> Result<Self, SystemError> {
        let path = root.join("proc/sys/kernel/osrelease");
        let release = match fs::read_to_string(&path) {
            Ok(release) => release.trim().to_owned(),
            Err(source) => return Err(SystemError { path, source }),
        };
        let read = |path: &str| fs::read_to_string(root.join(path)).ok();
        Ok(Self {
            release,
            lockdown: read("sys/kernel/security/lockdown")
                .as_deref()
                .and_then(Lockdown::parse),
            capabilities: read("proc/self/status").as_deref().and_then(effective),
            last_capability: number(read("proc/sys/kernel/cap_last_cap")),
            initial_user_namespace: fs::read_link(root.join("proc/self/ns/user"))
                .ok()
                .map(|link| link == Path::new(INITIAL_USER_NAMESPACE)),
            unprivileged_bpf_disabled: number(read("proc/sys/kernel/unprivileged_bpf_disabled")),
            perf_event_paranoid: number(read("proc/sys/kernel/perf_event_paranoid")),
            btf: root.join("sys/kernel/btf/vmlinux").is_file(),
            filters_calls: read("proc/sys/kernel/seccomp/actions_avail")
                .is_some_and(|actions| actions.split_whitespace().any(|it| it == "errno")),
        })
    }

    /// Whether a capability is held, wherever that counts; `None` when it is not known.
    #[must_use]
    pub fn holds(&self, capability: &Capability) -> Option<bool> {
        self.capabilities.map(|set| capability.is_in(set))
    }

    /// The capabilities without which the hooks cannot be loaded and that are not held.
    ///
    /// Empty when they are held, when [`SYS_ADMIN`] stands in for them, and when it is not known
    /// which are held. On kernels without [`BPF`] it is [`SYS_ADMIN`] that is lacking.
    #[must_use]
    pub fn lacking(&self) -> Vec<Capability> {
        let Some(set) = self.capabilities else {
            return Vec::new();
        };
        if SYS_ADMIN.is_in(set) {
            return Vec::new();
        }
        if self.last_capability.is_some_and(|last| last < BPF.number) {
            return vec![SYS_ADMIN];
        }
        CAPABILITIES
            .into_iter()
            .filter(|capability| capability.required && !capability.is_in(set))
            .collect()
    }
}

/// The effective set of a `/proc/PID/status`.
fn effective(status: &str) -> Option<u64> {
    let mut lines = status.lines();
    let set = lines.find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(set.trim(), 16).ok()
}

fn number<T: FromStr>(text: Option<String>) -> Option<T> {
    text?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A tree of files as a kernel shows them.
    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn facts(files: &[(&str, &str)]) -> SystemFacts {
        let release = ("proc/sys/kernel/osrelease", "6.12.9-1-amd64\n");
        let root = tree(&[&[release], files].concat());
        SystemFacts::read(root.path()).unwrap()
    }

    fn names(capabilities: &[Capability]) -> Vec<&'static str> {
        capabilities.iter().map(|found| found.name).collect()
    }

    #[test]
    fn a_tree_with_everything_gives_every_fact() {
        let root = tree(&[
            ("proc/sys/kernel/osrelease", "6.12.9-1-amd64\n"),
            ("proc/sys/kernel/cap_last_cap", "40\n"),
            ("proc/sys/kernel/unprivileged_bpf_disabled", "2\n"),
            ("proc/sys/kernel/perf_event_paranoid", "-1\n"),
            (
                "proc/self/status",
                "Name:\tx\nCapPrm:\tff\nCapEff:\t000001ffffffffff\n",
            ),
            (
                "sys/kernel/security/lockdown",
                "none [integrity] confidentiality\n",
            ),
            ("sys/kernel/btf/vmlinux", ""),
            (
                "proc/sys/kernel/seccomp/actions_avail",
                "kill errno allow\n",
            ),
        ]);
        fs::create_dir_all(root.path().join("proc/self/ns")).unwrap();
        symlink(
            INITIAL_USER_NAMESPACE,
            root.path().join("proc/self/ns/user"),
        )
        .unwrap();
        let expected = SystemFacts {
            release: "6.12.9-1-amd64".to_owned(),
            lockdown: Some(Lockdown::Integrity),
            capabilities: Some(0x1ff_ffff_ffff),
            last_capability: Some(40),
            initial_user_namespace: Some(true),
            unprivileged_bpf_disabled: Some(2),
            perf_event_paranoid: Some(-1),
            btf: true,
            filters_calls: true,
        };
        assert_eq!(SystemFacts::read(root.path()).unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_read_is_not_known_rather_than_zero() {
        let expected = SystemFacts {
            release: "6.12.9-1-amd64".to_owned(),
            lockdown: None,
            capabilities: None,
            last_capability: None,
            initial_user_namespace: None,
            unprivileged_bpf_disabled: None,
            perf_event_paranoid: None,
            btf: false,
            filters_calls: false,
        };
        assert_eq!(facts(&[]), expected);
        let nonsense = facts(&[
            ("proc/self/status", "CapEff:\tmany\n"),
            ("proc/sys/kernel/cap_last_cap", "999\n"),
            ("sys/kernel/security/lockdown", "none integrity\n"),
        ]);
        assert_eq!(nonsense, expected);
        assert_eq!(expected.lacking(), []);
    }

    #[test]
    fn a_tree_without_a_release_is_an_error_that_names_the_file() {
        let root = tree(&[]);
        let error = SystemFacts::read(root.path()).unwrap_err();
        assert!(error.to_string().ends_with("proc/sys/kernel/osrelease"));
    }

    #[test]
    fn the_lockdown_mode_is_the_bracketed_word() {
        for mode in [
            Lockdown::None,
            Lockdown::Integrity,
            Lockdown::Confidentiality,
        ] {
            let text = "none integrity confidentiality\n";
            let marked = text.replace(mode.name(), &format!("[{}]", mode.name()));
            assert_eq!(Lockdown::parse(&marked), Some(mode));
        }
    }

    #[test]
    fn another_user_namespace_is_told_from_the_initial_one() {
        let root = tree(&[("proc/sys/kernel/osrelease", "6.1.0\n")]);
        fs::create_dir_all(root.path().join("proc/self/ns")).unwrap();
        symlink("user:[4026532601]", root.path().join("proc/self/ns/user")).unwrap();
        let facts = SystemFacts::read(root.path()).unwrap();
        assert_eq!(facts.initial_user_namespace, Some(false));
    }

    #[test]
    fn an_ordinary_user_lacks_bpf_and_perfmon() {
        let facts = facts(&[("proc/self/status", "CapEff:\t0000000000000000\n")]);
        assert_eq!(names(&facts.lacking()), ["CAP_BPF", "CAP_PERFMON"]);
        assert_eq!(facts.holds(&BPF), Some(false));
    }

    #[test]
    fn one_of_the_two_is_not_enough() {
        let facts = facts(&[("proc/self/status", "CapEff:\t0000008000000000\n")]);
        assert_eq!(facts.holds(&BPF), Some(true));
        assert_eq!(names(&facts.lacking()), ["CAP_PERFMON"]);
    }

    #[test]
    fn bpf_and_perfmon_together_are_enough() {
        let facts = facts(&[("proc/self/status", "CapEff:\t000000c000000000\n")]);
        assert_eq!(facts.lacking(), []);
        assert_eq!(facts.holds(&SYS_ADMIN), Some(false));
    }

    #[test]
    fn sys_admin_stands_in_for_both() {
        let facts = facts(&[("proc/self/status", "CapEff:\t0000000000200000\n")]);
        assert_eq!(facts.lacking(), []);
    }

    #[test]
    fn a_kernel_without_cap_bpf_asks_for_sys_admin() {
        let facts = facts(&[
            ("proc/self/status", "CapEff:\t0000000000000000\n"),
            ("proc/sys/kernel/cap_last_cap", "37\n"),
        ]);
        assert_eq!(names(&facts.lacking()), ["CAP_SYS_ADMIN"]);
    }

    #[test]
    fn no_two_capabilities_share_a_number_or_a_name() {
        for (place, one) in CAPABILITIES.iter().enumerate() {
            for other in &CAPABILITIES[..place] {
                assert_ne!(one.number, other.number);
                assert_ne!(one.name, other.name);
            }
        }
    }

    #[test]
    fn this_machine_has_a_release_and_capabilities() {
        let facts = SystemFacts::read(Path::new("/")).unwrap();
        assert!(!facts.release.is_empty());
        assert!(facts.capabilities.is_some());
    }
}
