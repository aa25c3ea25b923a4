//! Reads one process out of `/proc`.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Read,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
};

use crate::{
    enrich::{
        cgroup::{Membership, membership},
        stat::Stat,
    },
    model::{foreign::Foreign, identity::ProcessFacts},
};

/// Bytes of a file read at most: `cgroup` of version 1 has a path a controller, `status` lists up
/// to 65,536 groups before the pids.
const FILE: u64 = 32 * 1024;
/// Bytes of the arguments read at most.
const CMDLINE: u64 = 4096;
const NS_PER_SECOND: u64 = 1_000_000_000;

/// Reads processes, always into the same buffers.
pub(super) struct Reader {
    /// The directory of the process being read; between two, that of all.
    path: PathBuf,
    ns_per_tick: u64,
    text: Vec<u8>,
}

impl Reader {
    pub(super) fn new(proc: PathBuf, ticks_per_second: u64) -> Self {
        Self {
            path: proc,
            ns_per_tick: NS_PER_SECOND / ticks_per_second.max(1),
            text: Vec::new(),
        }
    }

    /// What there is to know of the process that started then; `None` when it is gone.
    ///
    /// The start is read last: it was running before it was seen, so if it is there now nobody
    /// else had its pid in between, and all that was read before is its own. One that exits still
    /// has a control group when program and arguments are gone.
    pub(super) fn read(&mut self, pid: u32, start_ns: u64) -> Option<ProcessFacts> {
        self.path.push(pid.to_string());
        let facts = self.facts(start_ns);
        self.path.pop();
        facts
    }

    fn facts(&mut self, start_ns: u64) -> Option<ProcessFacts> {
        let exe = self.link("exe");
        // Empty for one that exits, there until it is gone.
        let cmdline = arguments(self.file("cmdline", CMDLINE)?);
        let cgroup = self.file("cgroup", FILE).and_then(control_group);
        let namespace_pids = self.file("status", FILE).and_then(pids).unwrap_or_default();
        let ticks = Stat::new(self.file("stat", FILE)?)?.start_ticks()?;
        if ticks.abs_diff(start_ns / self.ns_per_tick) > 1 {
            return None;
        }
        let (cgroup, Membership { container, pod }) = cgroup.unwrap_or_default();
        Some(ProcessFacts {
            exe,
            cmdline,
            cgroup,
            container,
            pod,
            namespace_pids,
        })
    }

    fn link(&mut self, name: &str) -> Option<Foreign> {
        self.path.push(name);
        let target = fs::read_link(&self.path);
        self.path.pop();
        Some(AsRef::<OsStr>::as_ref(&target.ok()?).as_bytes().into())
    }

    fn file(&mut self, name: &str, limit: u64) -> Option<&[u8]> {
        self.text.clear();
        self.path.push(name);
        let file = File::open(&self.path);
        self.path.pop();
        file.ok()?.take(limit).read_to_end(&mut self.text).ok()?;
        Some(&self.text)
    }
}

/// The arguments, each ended by a NUL; a title a program gave itself may be padded with more.
pub(in crate::enrich) fn arguments(text: &[u8]) -> Option<Vec<Foreign>> {
    let end = text.iter().rposition(|&byte| byte != 0)?;
    let arguments = text.get(..=end)?.split(|&byte| byte == 0);
    Some(arguments.map(Foreign::from).collect())
}

/// The path of the control group and what it says.
///
/// Version 2 has one line, `0::PATH`; version 1 one a hierarchy, `N:CONTROLLERS:PATH`; both stand
/// together where systemd keeps an empty tree of version 2. The first that names a container
/// counts, else the one of version 2 unless it is empty, else the first of version 1.
pub(in crate::enrich) fn control_group(text: &[u8]) -> Option<(Option<Foreign>, Membership)> {
    let lines = || text.split(|&byte| byte == b'\n').filter_map(line);
    let named = lines().find(|&(_, path)| membership(path) != Membership::default());
    let unified = || lines().find(|&(unified, path)| unified && path != b"/");
    let (_, path) = named.or_else(unified).or_else(|| lines().next())?;
    Some((Some(path.into()), membership(path)))
}

/// Whether a line is of version 2, and its path, which may hold anything but a line's end.
fn line(line: &[u8]) -> Option<(bool, &[u8])> {
    let mut fields = line.splitn(3, |&byte| byte == b':');
    let (number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let unified = number == b"0" && controllers.is_empty();
    path.starts_with(b"/").then_some((unified, path))
}

/// The pids in every namespace, of the line `NSpid`; names cannot hold a line's end there.
pub(in crate::enrich) fn pids(status: &[u8]) -> Option<Vec<u32>> {
    let mut lines = status.split(|&byte| byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(b"NSpid:"))?;
    let pids = str::from_utf8(line).ok()?.split_ascii_whitespace();
    pids.map(|pid| pid.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*};

    use super::*;

    #[test]
    fn arguments_keep_their_bounds() {
        let shown =
            |text: &[u8]| arguments(text).map(|it| it.iter().map(Foreign::to_string).collect());
        let list = |items: &[&str]| Some(items.iter().map(|&it| it.to_owned()).collect::<Vec<_>>());
        assert_eq!(shown(b"sh\0-c\0a b\0"), list(&["sh", "-c", "a b"]));
        assert_eq!(shown(b"sh\0\0x\0"), list(&["sh", "", "x"]));
        assert_eq!(shown(b"nginx: worker\0\0\0\0"), list(&["nginx: worker"]));
        assert_eq!(shown(b""), None);
        assert_eq!(shown(b"\0\0"), None);
    }

    #[test]
    fn the_line_that_names_a_container_counts() {
        let hash = "ab".repeat(32);
        let path = |text: &str| {
            let (path, told) = control_group(text.as_bytes()).unwrap();
            (path.unwrap().to_string(), told.container.is_some())
        };
        let plain = |text: &str| (text.to_owned(), false);
        assert_eq!(path("0::/init.scope\n"), plain("/init.scope"));
        assert_eq!(path("0::/a:b\n"), plain("/a:b"));
        let hybrid = format!(
            "12:pids:/docker/{hash}\n1:name=systemd:/docker/{hash}\n0::/system.slice/containerd.service\n"
        );
        assert_eq!(path(&hybrid), (format!("/docker/{hash}"), true));
        assert_eq!(
            path("2:cpu,cpuacct:/x\n1:name=systemd:/y\n0::/\n"),
            plain("/x")
        );
        assert_eq!(path("2:cpu,cpuacct:/x\n0::/y\n"), plain("/y"));
        assert_eq!(control_group(b""), None);
    }

    #[test]
    fn the_pids_are_those_of_every_namespace() {
        assert_eq!(
            pids(b"Name:\tx\nNSpid:\t1234\t7\t1\nNSpgid:\t1\n"),
            Some(vec![1234, 7, 1])
        );
        assert_eq!(pids(b"Name:\tx\n"), None);
    }

    proptest! {
        #[test]
        fn no_file_panics(text in collection::vec(any::<u8>(), 0..200)) {
            let _ = (arguments(&text), control_group(&text), pids(&text));
        }
    }
}
