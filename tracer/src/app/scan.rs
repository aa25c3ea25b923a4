//! The look at sockets older than the attach, beside the tracing and never in its way.

use std::{
    future::pending,
    path::Path,
    sync::mpsc::{self, Sender},
    thread,
};

use tokio::sync::oneshot;

use super::{memory, output};
use crate::{
    enrich::{
        facts::Facts,
        scan::{Scan, scan, sees_initial_pids},
    },
    model::known::KnownSocket,
    pipeline::tap::Tapped,
    probe::held::Held,
};

/// A look to be begun, or under way.
pub(super) struct Pending {
    begin: Sender<()>,
    found: Option<oneshot::Receiver<Scan>>,
}

impl Pending {
    /// Makes ready to look, on a thread of its own that nobody waits for at the end.
    ///
    /// It has the priority of the thread that calls this, whatever that raises itself to later.
    /// In another pid namespace than the hooks' nothing is looked at: its pids would name strangers.
    pub(super) fn new() -> Self {
        let proc = Path::new("/proc");
        let (begin, asked) = mpsc::channel();
        let (done, found) = oneshot::channel();
        let look = move || {
            if asked.recv().is_ok() && sees_initial_pids(proc) {
                // Tracing may be over by now.
                let _ = done.send(scan(proc));
            }
        };
        let spawned = thread::Builder::new().name("scan".to_owned()).spawn(look);
        Self {
            begin,
            found: spawned.is_ok().then_some(found),
        }
    }

    /// Begins to look.
    pub(super) fn begin(&self) {
        // Without a thread there is nobody to tell.
        let _ = self.begin.send(());
    }

    /// Waits for what was found; forever once that was told, or when there is nothing to come.
    pub(super) async fn ready(&mut self) -> Scan {
        if let Some(found) = &mut self.found {
            let found = found.await;
            self.found = None;
            if let Ok(scan) = found {
                return scan;
            }
        }
        pending().await
    }
}

/// Takes in who held the sockets older than the attach; what was not seen is said.
pub(super) fn take(scan: Scan, quiet: bool, held: &mut Held, pipeline: &mut Tapped<impl Facts>) {
    let unheld = want(&scan.sockets, held);
    let refused = pipeline.know(scan.sockets);
    memory::give_back();
    if quiet {
        return;
    }
    for gap in &scan.gaps {
        output::say(format_args!("finrst: {gap}"));
    }
    if refused > 0 {
        output::say(format_args!(
            "finrst: too many sockets: who holds {refused} of them was not noted"
        ));
    }
    if unheld > 0 {
        output::say(format_args!(
            "finrst: too many sockets of wanted processes: of {unheld} of them only what their \
             owners do is told"
        ));
    }
}

/// Lets a process filter through to the sockets wanted processes hold, alone or with others: what the
/// kernel does to those by itself no task would ever prove to be wanted. Returns for how many there was
/// no room.
fn want(sockets: &[KnownSocket], held: &mut Held) -> usize {
    let mut refused = 0;
    if !held.by_process() {
        return refused;
    }
    for socket in sockets {
        let mut holders = socket.holders.iter();
        let wanted = holders.any(|holder| held.wants(holder.pid, &holder.comm.0));
        if let Some(cookie) = socket.cookie.filter(|_| wanted) {
            refused += usize::from(held.put(cookie.get()).is_err());
        }
    }
    refused
}
