//! Which executables of Go are running: those are hooked, and let go of with their last process.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::mpsc::Sender,
    time::Duration,
};

use crate::{
    enrich::clock,
    model::time::MonoNs,
    probe::callers::{Executable, Place},
};

/// How long an executable may stay hooked that no process runs any more.
const LINGERING: Duration = Duration::from_millis(200);
/// How long to wait for work where nothing is hooked.
const LONG: Duration = Duration::from_hours(1);
/// Executables hooked at most.
const EXECUTABLES: usize = 256;

/// What is to be done to the hooks.
pub(in crate::app) enum Change {
    /// An executable is to be hooked.
    Hook(Place),
    /// It is to be let go of.
    Unhook(Executable),
}

/// The executables that are hooked, with the processes that run them.
pub(super) struct Running {
    proc: PathBuf,
    tell: Sender<Change>,
    processes: HashMap<Executable, HashSet<u32>>,
    checked: MonoNs,
}

impl Running {
    /// None yet; `proc` is where the proc file system is mounted.
    pub(super) fn new(proc: &Path, tell: Sender<Change>) -> Self {
        Self {
            proc: proc.to_owned(),
            tell,
            processes: HashMap::new(),
            checked: MonoNs(0),
        }
    }

    /// How long to wait for anything else before a look at the processes.
    pub(super) fn patience(&self) -> Duration {
        if self.processes.is_empty() {
            LONG
        } else {
            LINGERING
        }
    }

    /// A process runs an executable in which `Close` begins at an offset.
    pub(super) fn started(&mut self, pid: u32, file: File, offset: u64) {
        let Some(executable) = file.metadata().ok().as_ref().map(executable) else {
            return;
        };
        if let Some(processes) = self.processes.get_mut(&executable) {
            processes.insert(pid);
        } else if self.processes.len() < EXECUTABLES {
            self.processes.insert(executable, HashSet::from([pid]));
            let _ = self.tell.send(Change::Hook(Place {
                executable,
                file,
                offset,
            }));
        }
    }

    /// Looks, if it is time, which processes are there still, and run the same.
    pub(super) fn check(&mut self) {
        let now = clock::now();
        if u128::from(now.since(self.checked)) < LINGERING.as_nanos() {
            return;
        }
        let (proc, tell) = (&self.proc, &self.tell);
        self.processes.retain(|&of, processes| {
            let runs = |pid: &u32| {
                let found = fs::metadata(proc.join(format!("{pid}/exe")));
                found.is_ok_and(|found| executable(&found) == of)
            };
            processes.retain(runs);
            if processes.is_empty() {
                let _ = tell.send(Change::Unhook(of));
            }
            !processes.is_empty()
        });
        self.checked = now;
    }
}

fn executable(meta: &fs::Metadata) -> Executable {
    (meta.dev(), meta.ino())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn look_again(running: &mut Running) {
        running.checked = MonoNs(0);
        running.check();
    }

    #[test]
    fn an_executable_is_hooked_with_its_first_process_and_let_go_of_with_its_last() {
        let (tell, told) = mpsc::channel();
        let mut running = Running::new(Path::new("/proc"), tell);
        let own = std::process::id();
        let exe = || File::open("/proc/self/exe").unwrap();
        running.started(own, exe(), 9);
        // A pid no process has: the limit of all machines is below.
        running.started(u32::MAX, exe(), 9);
        look_again(&mut running);
        let changes: Vec<_> = told.try_iter().collect();
        assert!(matches!(&changes[..], [Change::Hook(place)] if place.offset == 9));
        assert_eq!(running.patience(), LINGERING);

        let (tell, told) = mpsc::channel();
        let mut running = Running::new(Path::new("/proc"), tell);
        running.started(u32::MAX, exe(), 9);
        look_again(&mut running);
        let changes: Vec<_> = told.try_iter().collect();
        assert!(matches!(&changes[..], [Change::Hook(_), Change::Unhook(_)]));
        assert_eq!(running.patience(), LONG);
    }

    #[test]
    fn a_process_that_runs_another_executable_now_counts_no_more() {
        let (tell, told) = mpsc::channel();
        let mut running = Running::new(Path::new("/proc"), tell);
        let other = File::open("/bin/sh").unwrap();
        running.started(std::process::id(), other, 9);
        look_again(&mut running);
        assert!(matches!(told.try_iter().last(), Some(Change::Unhook(_))));
    }
}
