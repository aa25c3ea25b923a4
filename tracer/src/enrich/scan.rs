//! A look at the whole machine: every TCP socket of every network namespace, and who holds it.

use std::{
    collections::{BTreeMap, HashSet},
    fmt, fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    thread,
};

use nix::sched::{CloneFlags, setns};

use super::{
    descendants, holders, procnet,
    sock_diag::{self, DiagError},
};
use crate::model::known::KnownSocket;

/// `PROC_PID_INIT_INO`, `include/linux/proc_ns.h`.
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// What was found.
#[derive(Debug, Default)]
pub struct Scan {
    /// Every TCP socket, with its holders.
    pub sockets: Vec<KnownSocket>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// Something a scan could not see.
#[derive(Debug)]
pub enum Gap {
    /// The sockets of a namespace were found in `/proc`: without cookies, and most without an age.
    Cookies {
        /// Inode number of the namespace.
        netns: u32,
        /// Why.
        why: ScanError,
    },
    /// The sockets of a namespace are not known at all.
    Namespace {
        /// Inode number of the namespace.
        netns: u32,
        /// Why.
        why: ScanError,
    },
    /// This many processes do not show what they hold, nor their namespaces.
    Processes(usize),
    /// No process at all shows itself here.
    Proc(PathBuf),
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cookies { netns, why } => write!(
                f,
                "sockets of network namespace {netns} come from /proc, without cookie and age: {}",
                chain(why)
            ),
            Self::Namespace { netns, why } => write!(
                f,
                "sockets of network namespace {netns} cannot be seen: {}",
                chain(why)
            ),
            Self::Proc(path) => write!(f, "{} shows no processes", path.display()),
            Self::Processes(count) => {
                let do_not = if *count == 1 { " does" } else { "es do" };
                write!(
                    f,
                    "{count} process{do_not} not show which sockets they hold, nor their network \
                     namespaces; root or CAP_SYS_PTRACE may see them"
                )
            }
        }
    }
}

/// Why the sockets of a namespace cannot be listed one way.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The namespace could not be entered.
    #[error("cannot enter the network namespace")]
    Enter(#[source] io::Error),
    /// The socket diagnosis has no answer.
    #[error(transparent)]
    Diag(#[from] DiagError),
    /// The tables in `/proc` cannot be read.
    #[error("cannot read /proc/PID/net/tcp")]
    Tables(#[source] io::Error),
}

/// Every TCP socket of every network namespace that has processes, with everyone who holds it.
///
/// `proc` is where the proc file system is mounted. Processes that it does not show, as those
/// outside of our pid namespace, hold nothing here.
#[must_use]
pub fn scan(proc: &Path) -> Scan {
    let mut scan = Scan::default();
    let ours = netns_of(&proc.join("self"));
    let namespaces = namespaces(proc);
    if namespaces.is_empty() {
        scan.gaps.push(Gap::Proc(proc.to_owned()));
    }
    for (netns, processes) in namespaces {
        // One that ended since leads nowhere, and a namespace that lost them all has no sockets.
        let lives = |process: &&PathBuf| netns_of(process) == Some(netns);
        let Some(process) = processes.iter().find(lives) else {
            continue;
        };
        let dumped = if Some(netns) == ours {
            sock_diag::dump(Some(netns)).map_err(ScanError::from)
        } else {
            dump_elsewhere(netns, process)
        };
        let sockets = dumped.or_else(|why| {
            scan.gaps.push(Gap::Cookies { netns, why });
            procnet::sockets(process, Some(netns)).map_err(ScanError::Tables)
        });
        match sockets {
            Ok(sockets) => scan.sockets.extend(sockets),
            Err(why) => scan.gaps.push(Gap::Namespace { netns, why }),
        }
    }
    find_holders(proc, &mut scan);
    scan
}

/// Whether the pids that `/proc` shows us are those the hooks report; elsewhere a look would name
/// strangers.
#[must_use]
pub fn sees_initial_pids(proc: &Path) -> bool {
    fs::metadata(proc.join("self/ns/pid")).is_ok_and(|it| it.ino() == INITIAL_PID_NAMESPACE)
}

/// The network namespaces that have processes, each with their directories in `/proc`.
#[must_use]
pub fn namespaces(proc: &Path) -> BTreeMap<u32, Vec<PathBuf>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for pid in descendants::processes(proc) {
        let process = proc.join(pid.to_string());
        if let Some(netns) = netns_of(&process) {
            found.entry(netns).or_default().push(process);
        }
    }
    found
}

/// The network namespaces that have processes or names, each with a file that stands for it.
#[must_use]
pub fn namespace_files(proc: &Path, names: &Path) -> BTreeMap<u32, PathBuf> {
    let entries = fs::read_dir(names).into_iter().flatten().flatten();
    let by_name = entries.map(|entry| entry.path());
    let mut files: BTreeMap<_, _> = by_name.filter_map(|it| Some((inode(&it)?, it))).collect();
    for (netns, processes) in namespaces(proc) {
        if let Some(process) = processes.first() {
            files.insert(netns, process.join("ns/net"));
        }
    }
    files
}

fn netns_of(process: &Path) -> Option<u32> {
    inode(&process.join("ns/net"))
}

/// The inode number of the namespace a file stands for.
#[must_use]
pub fn inode(file: &Path) -> Option<u32> {
    u32::try_from(fs::metadata(file).ok()?.ino()).ok()
}

/// Lists the sockets of another namespace from a thread of its own, which enters it and ends there.
fn dump_elsewhere(netns: u32, process: &Path) -> Result<Vec<KnownSocket>, ScanError> {
    let namespace = fs::File::open(process.join("ns/net")).map_err(ScanError::Enter)?;
    let enter_and_dump = move || {
        setns(namespace, CloneFlags::CLONE_NEWNET)
            .map_err(|errno| ScanError::Enter(errno.into()))?;
        Ok(sock_diag::dump(Some(netns))?)
    };
    thread::Builder::new()
        .name("netns".to_owned())
        .spawn(enter_and_dump)
        .map_err(ScanError::Enter)?
        .join()
        .unwrap_or_else(|_panic| Err(ScanError::Enter(io::ErrorKind::Other.into())))
}

/// Gives every socket its holders.
fn find_holders(proc: &Path, scan: &mut Scan) {
    let inodes: HashSet<u64> = scan
        .sockets
        .iter()
        .filter_map(|socket| Some(socket.inode?.get()))
        .collect();
    let mut found = holders::find(proc, &inodes, &|| false);
    if found.hidden > 0 {
        scan.gaps.push(Gap::Processes(found.hidden));
    }
    for socket in &mut scan.sockets {
        let held = socket
            .inode
            .and_then(|inode| found.by_inode.remove(&inode.get()));
        socket.holders = held.unwrap_or_default();
    }
}

/// An error and what caused it, on one line.
pub fn chain(error: &dyn std::error::Error) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        write!(f, "{error}")?;
        let mut source = error.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_found_by_its_name_and_rather_by_a_process() {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("ours");
        let own = Path::new("/proc/self/ns/net");
        std::os::unix::fs::symlink(own, &name).unwrap();
        let netns = inode(own).unwrap();
        let nobody = directory.path().join("proc");
        let found = namespace_files(&nobody, directory.path());
        assert_eq!(found.get(&netns), Some(&name));
        let found = namespace_files(Path::new("/proc"), directory.path());
        assert!(found[&netns].starts_with("/proc") && found[&netns].ends_with("ns/net"));
        assert_eq!(inode(&found[&netns]), Some(netns));
    }
}
