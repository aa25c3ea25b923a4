//! Which network namespaces are captured, and the files that stand for them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    enrich::{descendants, netns, scan},
    exit::{Exit, Failure},
    probe::filter::Filters,
};

const PROC: &str = "/proc";

/// Which namespaces are captured.
pub(in crate::app) enum Scope {
    /// Those of these files.
    Files(Vec<PathBuf>),
    /// Those of these processes and, it may be, of all that descend from them.
    Processes(Vec<u32>, bool),
    /// All that have processes.
    All,
}

impl Scope {
    /// The namespaces to capture now, each with a file that stands for it.
    pub(super) fn files(&self) -> BTreeMap<u32, PathBuf> {
        let of_pid = |pid: u32| Path::new(PROC).join(pid.to_string()).join("ns/net");
        let with_inode = |path: PathBuf| Some((scan::inode(&path)?, path));
        match self {
            Scope::Files(files) => files.iter().cloned().filter_map(with_inode).collect(),
            Scope::Processes(pids, follow) => {
                let family = follow.then(|| descendants::with_descendants(Path::new(PROC), pids));
                let pids = family.as_deref().unwrap_or(pids);
                let files = pids.iter().map(|&pid| of_pid(pid));
                files.filter_map(with_inode).collect()
            }
            Scope::All => {
                let all = scan::namespaces(Path::new(PROC)).into_iter();
                let file = |it: Vec<PathBuf>| Some(it.first()?.join("ns/net"));
                all.filter_map(|(inode, processes)| Some((inode, file(processes)?)))
                    .collect()
            }
        }
    }

    /// The namespaces that were named, else those of the processes, else all.
    ///
    /// # Errors
    ///
    /// A namespace that no process and no name leads to: exit code 2.
    pub(in crate::app) fn of(netns: &[String], filters: &Filters) -> Result<Self, Failure> {
        if !netns.is_empty() {
            let files = netns.iter().map(|wanted| file(wanted));
            return Ok(Self::Files(files.collect::<Result<_, _>>()?));
        }
        Ok(if filters.pids.is_empty() {
            Self::All
        } else {
            Self::Processes(filters.pids.clone(), filters.follow)
        })
    }
}

/// A file that stands for a namespace that was named.
fn file(wanted: &str) -> Result<PathBuf, Failure> {
    let found = netns::file(wanted, || {
        let inode = wanted.parse().ok()?;
        let mut all = scan::namespaces(Path::new(PROC));
        Some(all.remove(&inode)?.first()?.join("ns/net"))
    });
    found.ok_or_else(|| {
        let what = anyhow::anyhow!("nothing leads to the network namespace {wanted}");
        Failure::new(
            Exit::Usage,
            what,
            "it has no process and no name: `lsns -t net`",
        )
    })
}
