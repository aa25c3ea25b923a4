//! The thread that finds names, off the road: stacks go in, stacks with names come out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use super::{names::Names, programs::Program};
use crate::model::stack::{Stack, StackId, Taken};

/// Stacks that may wait for the thread: some 3 KiB each.
const QUEUE: usize = 1_024;

/// A stack to find the names of.
pub(super) struct Job {
    pub(super) id: StackId,
    pub(super) taken: Taken,
    /// The process; `None` when there is none, or nothing is known of it.
    pub(super) program: Option<Arc<Program>>,
    /// What it is without names.
    pub(super) bare: Stack,
}

/// The thread, and the way to it and back.
pub(super) struct Worker {
    /// `None` when there is no thread.
    jobs: Option<SyncSender<Job>>,
    answers: Receiver<(StackId, Stack)>,
    /// Whether it has loaded what every stack needs.
    loaded: Arc<AtomicBool>,
}

impl Worker {
    /// Starts the thread; it ends when nobody asks any more.
    pub(super) fn start() -> Self {
        let (jobs, asked) = sync_channel::<Job>(QUEUE);
        let (answer, answers) = sync_channel(2 * QUEUE);
        let loaded = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&loaded);
        let thread = std::thread::Builder::new().name("finrst-symbols".into());
        let started = thread.spawn(move || {
            let mut names = Names::default();
            names.warm_up();
            done.store(true, Ordering::Relaxed);
            while let Ok(job) = asked.recv() {
                let id = job.id;
                if answer.send((id, names.of(job))).is_err() {
                    return;
                }
            }
        });
        Self {
            jobs: started.is_ok().then_some(jobs),
            answers,
            loaded,
        }
    }

    /// Whether it finds names by now.
    pub(super) fn at_work(&self) -> bool {
        self.loaded.load(Ordering::Relaxed)
    }

    /// Hands a stack over; false when too many wait, or the thread is gone.
    pub(super) fn ask(&self, job: Job) -> bool {
        let jobs = self.jobs.as_ref();
        jobs.is_some_and(|jobs| jobs.try_send(job).is_ok())
    }

    /// A stack with its names, if one is ready.
    pub(super) fn answer(&mut self) -> Option<(StackId, Stack)> {
        self.answers.try_recv().ok()
    }

    /// As [`answer`](Self::answer), after some patience.
    pub(super) fn answer_within(&mut self, patience: Duration) -> Option<(StackId, Stack)> {
        self.answers.recv_timeout(patience).ok()
    }
}
