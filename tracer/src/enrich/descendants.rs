//! Which processes exist, and who descends from whom.

use std::{collections::HashMap, fs, path::Path};

use super::stat::Stat;
use crate::model::process::Comm;

/// Whether a process with this id exists.
#[must_use]
pub fn exists(proc: &Path, pid: u32) -> bool {
    proc.join(pid.to_string()).join("stat").exists()
}

/// What a process is called now; `None` where there is none.
#[must_use]
pub fn name(proc: &Path, pid: u32) -> Option<Comm> {
    let line = fs::read(proc.join(pid.to_string()).join("stat")).ok()?;
    Stat::new(&line).map(Stat::comm)
}

/// Whether any thread or process has this name now.
#[must_use]
pub fn named(proc: &Path, comm: &str) -> bool {
    let matches = |directory: &Path| {
        fs::read(directory.join("comm")).is_ok_and(|name| name.trim_ascii_end() == comm.as_bytes())
    };
    processes(proc).any(|pid| {
        let directory = proc.join(pid.to_string());
        let threads = fs::read_dir(directory.join("task"))
            .into_iter()
            .flatten()
            .flatten();
        matches(&directory)
            || threads
                .map(|thread| thread.path())
                .any(|path| matches(&path))
    })
}

/// The given processes and all that descend from them, each once, in no particular order.
///
/// Processes that start meanwhile may be missed; the kernel half follows those it sees fork.
#[must_use]
pub fn with_descendants(proc: &Path, pids: &[u32]) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in processes(proc) {
        let line = fs::read(proc.join(pid.to_string()).join("stat")).unwrap_or_default();
        if let Some(parent) = Stat::new(&line).and_then(Stat::parent) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = pids.to_vec();
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        for &child in children.get(&pid).into_iter().flatten() {
            if !found.contains(&child) {
                found.push(child);
            }
        }
        next += 1;
    }
    found
}

/// Every process there is, in no particular order.
pub(super) fn processes(proc: &Path) -> impl Iterator<Item = u32> {
    fs::read_dir(proc)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_found_through_generations() {
        let proc = tempfile::tempdir().unwrap();
        for (pid, parent) in [(1, 0), (2, 1), (3, 2), (4, 1), (5, 0)] {
            let directory = proc.path().join(pid.to_string());
            fs::create_dir(&directory).unwrap();
            fs::write(directory.join("stat"), format!("{pid} (x) S {parent} 0")).unwrap();
        }
        let mut found = with_descendants(proc.path(), &[2, 5]);
        found.sort_unstable();
        assert_eq!(found, [2, 3, 5]);
    }
}
