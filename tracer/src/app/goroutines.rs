//! Makes goroutines known to the kernel half, and who asks for closes: looks at every program once,
//! beside the tracing.

use std::{
    collections::VecDeque,
    path::Path,
    sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    thread,
    time::Duration,
};

use hashlink::LruCache;
use tracer_common::{
    event::{Header, Kind, context},
    task::Goroutines as Offsets,
};
use zerocopy::FromBytes as _;

use crate::{
    enrich::{go::Programs, scan::sees_initial_pids},
    probe::goroutines::Goroutines,
};

mod running;

pub(super) use running::Change;
use running::Running;

/// Processes whose programs wait to be looked at, at most; one that finds no room is asked for
/// again at its next act.
const WAITING: usize = 1_024;
/// Processes remembered as looked at.
const SEEN: usize = 8_192;

/// What the thread that looks is asked.
enum Ask {
    /// All processes that there are.
    Everybody,
    /// One that acted, or became another program.
    Process(u32),
    /// One that ended.
    Gone(u32),
}

/// Who is to be looked at.
pub(super) struct Watch {
    asks: SyncSender<Ask>,
    changes: Receiver<Change>,
    seen: LruCache<u32, ()>,
}

impl Watch {
    /// Looks at programs on a thread of its own, which ends when this is dropped.
    ///
    /// In another pid namespace than the hooks' nothing is looked at: its pids would name strangers.
    pub(super) fn new(map: Option<Goroutines>, callers: bool) -> Self {
        let proc = Path::new("/proc");
        let (asks, asked) = mpsc::sync_channel(WAITING);
        let (tell, changes) = mpsc::channel();
        if let Some(map) = map.filter(|_| sees_initial_pids(proc)) {
            let mut look = Look {
                map,
                programs: Programs::new(proc),
                running: Running::new(proc, tell),
                later: callers.then(VecDeque::new),
            };
            let look = move || look.go_on(&asked);
            // Without the thread no goroutine is known, and nothing else is lost.
            let _ = thread::Builder::new()
                .name("goroutines".to_owned())
                .spawn(look);
        }
        Self {
            asks,
            changes,
            seen: LruCache::new(SEEN),
        }
    }

    /// The executables to hook and to let go of since this was last asked.
    pub(super) fn changes(&self) -> impl Iterator<Item = Change> {
        self.changes.try_iter()
    }

    /// Has every process looked at that there is.
    pub(super) fn begin(&self) {
        let _ = self.asks.try_send(Ask::Everybody);
    }

    /// Has a process looked at that a record names for the first time, or as another program.
    pub(super) fn notice(&mut self, record: &[u8]) {
        let Ok((header, _)) = Header::read_from_prefix(record) else {
            return;
        };
        let pid = header.tgid;
        match Kind::from_wire(header.kind) {
            Some(Kind::ProcessExited) => {
                if header.tid == pid && self.seen.remove(&pid).is_some() {
                    let _ = self.asks.try_send(Ask::Gone(pid));
                }
                return;
            }
            Some(Kind::ProcessExeced) => {}
            _ if header.context & (context::TASK | context::KTHREAD) != context::TASK => return,
            _ if self.seen.get(&pid).is_some() => return,
            _ => {}
        }
        if self.asks.try_send(Ask::Process(pid)).is_ok() {
            self.seen.insert(pid, ());
        }
    }
}

/// The thread that looks.
struct Look {
    map: Goroutines,
    programs: Programs,
    running: Running,
    /// Processes whose executables may have to be hooked; `None` when that is not asked for.
    later: Option<VecDeque<u32>>,
}

impl Look {
    /// Answers until nobody asks; who acts comes before those that merely are there, and goroutines
    /// before those who call, which take longer to find.
    fn go_on(&mut self, asked: &Receiver<Ask>) {
        let mut everybody = Vec::new();
        loop {
            let waiting = self.later.as_ref().is_some_and(|later| !later.is_empty());
            let patience = if waiting || !everybody.is_empty() {
                Duration::ZERO
            } else {
                self.running.patience()
            };
            match asked.recv_timeout(patience) {
                Ok(Ask::Everybody) => everybody = Programs::processes(Path::new("/proc")),
                Ok(Ask::Process(pid)) => self.goroutines(pid),
                Ok(Ask::Gone(pid)) => self.map.forget(pid),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(pid) = self.later.as_mut().and_then(VecDeque::pop_front) {
                        self.callers(pid);
                    } else if let Some(pid) = everybody.pop() {
                        self.goroutines(pid);
                    }
                }
            }
            self.running.check();
        }
    }

    /// Lets the kernel half know of one process, if it is of Go.
    fn goroutines(&mut self, pid: u32) {
        let layout = self.programs.layout(pid);
        if let Some(later) = self.later.as_mut().filter(|later| later.len() < SEEN) {
            later.push_back(pid);
        }
        let Some(layout) = layout else {
            return;
        };
        let offsets = Offsets {
            tls: layout.tls,
            goid: layout.goid,
            m: layout.m,
            curg: layout.curg,
        };
        // More than 4,096 processes of Go: those of the others stay unknown.
        let _ = self.map.put(pid, &offsets);
    }

    /// Has the executable of one process hooked, if it is of Go.
    fn callers(&mut self, pid: u32) {
        if let Some((file, offset)) = self.programs.close(pid) {
            self.running.started(pid, file, offset);
        }
    }
}
