//! What of the kernel a process holds: BPF programs, maps and links, by its descriptors; and what is
//! pinned or mounted by whomever.
#![expect(
    unsafe_code,
    reason = "bpf objects are opened by a system call libc has no name for"
)]

use std::{
    collections::BTreeSet,
    fs, io,
    os::fd::{FromRawFd as _, OwnedFd},
    path::Path,
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail};

use crate::lab::{Lab, clock::Deadline};

/// A kind of object of the kernel's BPF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A program.
    Program,
    /// A map.
    Map,
    /// What attaches a program.
    Link,
}

impl Kind {
    /// What stands before its id in `/proc/PID/fdinfo/FD` (`kernel/bpf/syscall.c`). A link's descriptor
    /// names its program as well.
    const ALL: [(&str, Self); 3] = [
        ("prog_id:", Self::Program),
        ("map_id:", Self::Map),
        ("link_id:", Self::Link),
    ];

    /// What opens one by its id: a value of `enum bpf_cmd`.
    const fn open(self) -> libc::c_long {
        match self {
            Self::Program => 13,
            Self::Map => 14,
            Self::Link => 30,
        }
    }
}

/// One object: its id is given to no other as long as the machine runs (`idr_alloc_cyclic`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Object {
    /// What it is.
    pub(super) kind: Kind,
    /// Its id.
    id: u32,
}

impl Object {
    /// Whether the kernel still has it.
    ///
    /// # Errors
    /// The caller lacks `CAP_SYS_ADMIN`.
    pub(super) fn is_there(self) -> io::Result<bool> {
        // The members `prog_id` (or `map_id`, `link_id`), `next_id` and `open_flags` of `union bpf_attr`.
        let mut attributes = [self.id, 0, 0];
        let size = size_of_val(&attributes);
        // SAFETY: the kernel reads `size` bytes of `attributes`, which has that many.
        let opened =
            unsafe { libc::syscall(libc::SYS_bpf, self.kind.open(), &raw mut attributes, size) };
        if let Some(descriptor) = i32::try_from(opened).ok().filter(|&it| it >= 0) {
            // SAFETY: the kernel just gave it, and nobody else knows it.
            drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
            return Ok(true);
        }
        match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
            error => Err(error),
        }
    }
}

/// The objects a process has descriptors of; all of them only while it is stopped.
///
/// # Errors
/// The process is not there.
pub(super) fn by(pid: u32) -> anyhow::Result<BTreeSet<Object>> {
    let directory = format!("/proc/{pid}/fdinfo");
    let entries =
        fs::read_dir(&directory).with_context(|| format!("{directory} cannot be read"))?;
    let mut objects = BTreeSet::new();
    for entry in entries {
        match fs::read_to_string(entry?.path()) {
            Ok(text) => objects.extend(named(&text)),
            // One that was closed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(objects)
}

/// The objects a file of `fdinfo` names.
fn named(text: &str) -> impl Iterator<Item = Object> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let word = words.next()?;
        let (_, kind) = Kind::ALL.into_iter().find(|&(name, _)| name == word)?;
        let id = words.next()?.parse().ok()?;
        Some(Object { kind, id })
    })
}

/// What outlives processes: pinned objects, and namespaces kept by a mount.
///
/// # Errors
/// There is no `/proc`.
pub(super) fn kept() -> anyhow::Result<BTreeSet<String>> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("no mounts can be read")?;
    let namespaces = mounts.lines().filter(|line| line.contains(" - nsfs "));
    // The number of the mount, which comes first, is given again.
    let namespaces = namespaces.filter_map(|line| line.split_once(' '));
    let mut kept: BTreeSet<_> = namespaces.map(|(_, rest)| rest.to_owned()).collect();
    pins(Path::new("/sys/fs/bpf"), &mut kept);
    Ok(kept)
}

/// Everything below a directory of the BPF file system; nothing where there is none.
fn pins(directory: &Path, found: &mut BTreeSet<String>) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        pins(&entry.path(), found);
        found.insert(entry.path().display().to_string());
    }
}

/// Waits until nothing is left; the kernel frees what nobody uses after a grace period.
///
/// # Errors
/// Something is, after long.
pub(super) fn wait_for<T: std::fmt::Debug>(
    lab: &Lab,
    what: &str,
    mut left: impl FnMut() -> anyhow::Result<Vec<T>>,
) -> anyhow::Result<()> {
    let deadline = Deadline::after(lab.patience(Duration::from_secs(20)));
    loop {
        let left = left()?;
        if left.is_empty() {
            return Ok(());
        }
        if deadline.left().is_zero() {
            bail!("{what} are still there: {left:?}");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the kernel has none of these any more.
///
/// # Errors
/// It has, after long.
pub(super) fn gone(lab: &Lab, objects: &BTreeSet<Object>) -> anyhow::Result<()> {
    wait_for(lab, "objects", || {
        let mut left = Vec::new();
        for &object in objects {
            if object.is_there()? {
                left.push(object);
            }
        }
        Ok(left)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_itself_and_its_program() {
        let text = "pos:\t0\nlink_type:\ttracing\nlink_id:\t7\nprog_tag:\tab\nprog_id:\t9\n";
        let found: Vec<_> = named(text).collect();
        let [link, program] = [(Kind::Link, 7), (Kind::Program, 9)];
        let objects = [link, program].map(|(kind, id)| Object { kind, id });
        assert_eq!(found, objects);
    }
}
