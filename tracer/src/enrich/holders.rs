//! Which processes hold which sockets: the links in `/proc/PID/fd`.
//!
//! Threads share their process's descriptors and count once. A thread that left the common table
//! (`unshare(CLONE_FILES)`) is not looked at.

use std::{
    collections::{HashMap, HashSet},
    ffi::{OsStr, OsString},
    fs::File,
    hash::BuildHasher,
    io::{self, Read},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use nix::{
    NixPath,
    dir::Dir,
    fcntl::{OFlag, openat, readlinkat},
    sys::stat::Mode,
};

use super::{clock, descendants, stat::Stat};
use crate::model::{
    holder::{Holder, Provenance},
    process::Comm,
    time::MonoNs,
};

/// Bytes of a file read at most: `stat` and the head of `status` are shorter.
const FILE: u64 = 4096;
/// Descriptors looked at between two looks at the clock.
const AT_ONCE: usize = 256;
const NS_PER_SECOND: u64 = 1_000_000_000;

/// Who holds what.
#[derive(Debug, Default)]
pub(super) struct Holders {
    /// The descriptors of each socket, by its inode.
    pub(super) by_inode: HashMap<u64, Vec<Holder>>,
    /// Processes that do not show us their descriptors.
    pub(super) hidden: usize,
    /// Whether there was no time to ask everybody.
    pub(super) cut: bool,
}

/// Every descriptor of every process that refers to one of these sockets, by inode.
///
/// Walks `proc`, where the proc file system is mounted, once. What we may not see, and processes
/// that start or end meanwhile, are missing. `None` when the walk was not over by `until`: of a
/// part of the holders nobody could tell that it is one.
#[must_use]
pub fn of_inodes(
    proc: &Path,
    inodes: &HashSet<u64, impl BuildHasher>,
    until: MonoNs,
) -> Option<HashMap<u64, Vec<Holder>>> {
    let Holders { by_inode, cut, .. } = find(proc, inodes, &|| clock::now() > until);
    (!cut).then_some(by_inode)
}

/// As [`of_inodes`], until `expired` says so, and counts who could not be asked.
pub(super) fn find(
    proc: &Path,
    inodes: &HashSet<u64, impl BuildHasher>,
    expired: &dyn Fn() -> bool,
) -> Holders {
    let mut found = Holders::default();
    if inodes.is_empty() {
        return found;
    }
    let wanted = |inode| inodes.contains(&inode);
    let ns_per_tick = NS_PER_SECOND / clock::ticks_per_second();
    for pid in descendants::processes(proc) {
        let Ok(directory) = open(nix::fcntl::AT_FDCWD, &proc.join(pid.to_string())) else {
            continue;
        };
        let mut process = Process {
            pid,
            directory,
            ns_per_tick,
            identity: None,
        };
        match process.search(&wanted, expired, &mut found) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                found.cut = true;
                break;
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                found.hidden += usize::from(!process.is_kernel_thread());
            }
            // It ended meanwhile.
            Err(_) | Ok(()) => {}
        }
    }
    found
}

/// A process being searched.
struct Process {
    pid: u32,
    /// Everything is read through it: once the process is gone it leads nowhere, and never to
    /// another process that got the pid (`pid_revalidate`, `fs/proc/base.c`).
    directory: OwnedFd,
    ns_per_tick: u64,
    /// Read when it is first needed.
    identity: Option<Identity>,
}

#[derive(Clone, Copy)]
struct Identity {
    start_ns: Option<u64>,
    comm: Comm,
    uid: u32,
}

impl Process {
    /// Looks at the leader's table; where the leader ended before its threads, at one of theirs.
    fn search(
        &mut self,
        wanted: &dyn Fn(u64) -> bool,
        expired: &dyn Fn() -> bool,
        found: &mut Holders,
    ) -> io::Result<()> {
        let table = open(&self.directory, "fd")?;
        if self.search_table(&table, wanted, expired, found)? {
            return Ok(());
        }
        let threads = open(&self.directory, "task")?;
        for thread in names(&threads)? {
            let table = open(&threads, Path::new(&thread).join("fd").as_path());
            if let Ok(table) = table
                && self.search_table(&table, wanted, expired, found)?
            {
                break;
            }
        }
        Ok(())
    }

    /// Says whether the table held anything at all.
    fn search_table(
        &mut self,
        table: &OwnedFd,
        wanted: &dyn Fn(u64) -> bool,
        expired: &dyn Fn() -> bool,
        found: &mut Holders,
    ) -> io::Result<bool> {
        let names = names(table)?;
        for (place, name) in names.iter().enumerate() {
            if place % AT_ONCE == 0 && expired() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let link = readlinkat(table, name.as_os_str()).unwrap_or_default();
            let Some(inode) = inode(link.as_bytes()).filter(|&inode| wanted(inode)) else {
                continue;
            };
            let Identity {
                start_ns,
                comm,
                uid,
            } = self.identity()?;
            found.by_inode.entry(inode).or_default().push(Holder {
                pid: self.pid,
                start_ns,
                fd: name.to_str().and_then(|fd| fd.parse().ok()),
                comm,
                uid,
                from: Provenance::Procfs,
            });
        }
        Ok(!names.is_empty())
    }

    fn identity(&mut self) -> io::Result<Identity> {
        if let Some(known) = self.identity {
            return Ok(known);
        }
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        let line = self.file("stat")?;
        let stat = Stat::new(&line).ok_or_else(damaged)?;
        let ticks = stat.start_ticks();
        Ok(*self.identity.insert(Identity {
            start_ns: ticks.map(|ticks| ticks.saturating_mul(self.ns_per_tick)),
            comm: stat.comm(),
            uid: real_uid(&self.file("status")?).ok_or_else(damaged)?,
        }))
    }

    fn is_kernel_thread(&self) -> bool {
        let line = self.file("stat").unwrap_or_default();
        Stat::new(&line).is_some_and(Stat::is_kernel_thread)
    }

    fn file(&self, name: &str) -> io::Result<Vec<u8>> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let file = File::from(openat(&self.directory, name, flags, Mode::empty())?);
        let mut text = Vec::new();
        file.take(FILE).read_to_end(&mut text)?;
        Ok(text)
    }
}

/// Opens a directory.
fn open(from: impl AsFd, path: &(impl NixPath + ?Sized)) -> io::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(openat(from, path, flags, Mode::empty())?)
}

/// The names in a directory, but for itself and its parent.
fn names(directory: &OwnedFd) -> io::Result<Vec<OsString>> {
    let mut entries = Dir::from_fd(directory.try_clone()?)?;
    let mut names = Vec::new();
    for entry in entries.iter() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if !name.starts_with(b".") {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    Ok(names)
}

/// The inode in `socket:[4711]`.
pub(super) fn inode(link: &[u8]) -> Option<u64> {
    let number = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    str::from_utf8(number).ok()?.parse().ok()
}

/// The first of the ids in the line `Uid:` of `/proc/PID/status`; the name in the line before it
/// has its line ends escaped (`task_state` and `proc_task_name`, `fs/proc/array.c`).
pub(super) fn real_uid(status: &[u8]) -> Option<u32> {
    let mut lines = status.split(|&byte| byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(b"Uid:"))?;
    let mut ids = str::from_utf8(line).ok()?.split_ascii_whitespace();
    ids.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    fn table(proc: &Path, directory: &str, links: &[(&str, &str)]) {
        let fd = proc.join(directory).join("fd");
        fs::create_dir_all(&fd).unwrap();
        for (name, target) in links {
            symlink(target, fd.join(name)).unwrap();
        }
    }

    fn process(proc: &Path, pid: u32, links: &[(&str, &str)]) {
        let directory = proc.join(pid.to_string());
        fs::create_dir_all(directory.join("task").join(pid.to_string())).unwrap();
        let stat = format!("{pid} (a) Uid:) S 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 250 0\n");
        fs::write(directory.join("stat"), stat).unwrap();
        let status = "Name:\ta) Uid:\nUid:\t33\t0\t0\t0\n";
        fs::write(directory.join("status"), status).unwrap();
        table(proc, &pid.to_string(), links);
    }

    fn held(proc: &Path) -> Vec<(u64, u32, Option<u32>)> {
        let found = of_inodes(proc, &HashSet::from([7, 8]), NEVER).unwrap();
        let mut held: Vec<_> = found
            .iter()
            .flat_map(|(&inode, holders)| holders.iter().map(move |h| (inode, h.pid, h.fd)))
            .collect();
        held.sort_unstable();
        held
    }

    const NEVER: MonoNs = MonoNs(u64::MAX);

    #[test]
    fn of_a_walk_that_was_cut_nothing_is_told() {
        let proc = tempfile::tempdir().unwrap();
        process(proc.path(), 10, &[("3", "socket:[7]")]);
        let wanted = HashSet::from([7]);
        assert!(of_inodes(proc.path(), &wanted, NEVER).is_some());
        assert_eq!(of_inodes(proc.path(), &wanted, MonoNs(0)), None);
    }

    #[test]
    fn every_descriptor_of_a_wanted_socket_is_found_and_nothing_else() {
        let proc = tempfile::tempdir().unwrap();
        let links = [
            ("3", "socket:[7]"),
            ("4", "pipe:[8]"),
            ("5", "/socket:[8]"),
            ("9", "socket:[7]"),
        ];
        process(proc.path(), 10, &links);
        process(proc.path(), 11, &[("3", "socket:[8]"), ("4", "socket:[9]")]);
        fs::create_dir(proc.path().join("net")).unwrap();
        assert_eq!(
            held(proc.path()),
            [(7, 10, Some(3)), (7, 10, Some(9)), (8, 11, Some(3))]
        );
    }

    #[test]
    fn where_the_leader_ended_its_threads_still_hold() {
        let proc = tempfile::tempdir().unwrap();
        process(proc.path(), 10, &[]);
        table(proc.path(), "10/task/12", &[("3", "socket:[7]")]);
        table(proc.path(), "10/task/13", &[("3", "socket:[7]")]);
        assert_eq!(held(proc.path()), [(7, 10, Some(3))]);
    }

    #[test]
    fn a_holder_has_the_name_the_start_and_the_real_user_of_its_process() {
        let proc = tempfile::tempdir().unwrap();
        process(proc.path(), 10, &[("3", "socket:[7]")]);
        let found = of_inodes(proc.path(), &HashSet::from([7]), NEVER).unwrap();
        let holder = found[&7][0];
        assert_eq!(
            (holder.comm.bytes(), holder.uid),
            (b"a) Uid:".as_slice(), 33)
        );
        let ticks = 250 * NS_PER_SECOND / clock::ticks_per_second();
        assert_eq!(holder.start_ns, Some(ticks));
        assert_eq!(holder.from, Provenance::Procfs);
    }

    #[test]
    fn who_is_gone_while_being_read_holds_nothing() {
        let proc = tempfile::tempdir().unwrap();
        process(proc.path(), 10, &[("3", "socket:[7]")]);
        fs::remove_file(proc.path().join("10/stat")).unwrap();
        assert_eq!(held(proc.path()), []);
    }
}
