//! `finrst catch`: a live run of which only the last is kept, until something is worth saving.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, IsTerminal as _},
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::task::JoinHandle;

use super::{job::Job, output, select, trace, view};
use crate::{
    cli::{Catch, Stopping},
    enrich::{clock, facts::Facts},
    exit::{Exit, Failure},
    flight::{Flight, Limits},
    model::{reason::ReasonNames, time::MonoNs},
    pipeline::{Pipeline, Wanted},
    record::{Medium, Settings},
    render::time::WallClock,
};

mod bundle;
mod environment;
mod kept;
mod place;
mod progress;
mod trap;

use bundle::Bundle;
use environment::Environment;
use kept::Kept;
use place::Place;
use progress::Progress;
use trap::{Caught, Seen, Trap};

/// How long an ending may wait, once it is certain, for its segments and for the names of its stacks:
/// what is kept reaches back from the ending, not from when it is told.
const TELLING: Duration = Duration::from_secs(6);

pub(super) fn run(asked: &Catch) -> Result<Exit, Failure> {
    Place::new(asked.output.as_deref()).check()?;
    // What is waited for is looked for in everything: nothing else may be missing of it.
    let mut select = asked.select.clone();
    (select.kinds, select.causes) = (Vec::new(), Vec::new());
    trace::live(&Job {
        select: &select,
        stopping: &Stopping {
            count: None,
            duration: asked.timeout,
            settle: asked.settle,
            sockets: asked.sockets,
            fail_on_loss: false,
        },
        kernel: &asked.kernel,
        wiring: &asked.wiring,
        command: &[],
        quiet: asked.quiet,
        every_record: true,
        stack: asked.stack,
        go_callers: asked.go_callers,
        view: None,
        file: None,
        catch: Some(asked),
    })
}

/// What is being caught.
pub(super) struct Catching {
    asked: Asked,
    flight: Rc<RefCell<Flight>>,
    seen: Arc<Mutex<Seen>>,
    /// What was caught and is to be saved, and when.
    due: VecDeque<(MonoNs, Caught)>,
    /// What is being saved.
    saving: Option<JoinHandle<bool>>,
    /// Endings that were saved, or are being saved.
    saved: u64,
    /// Whether something could not be saved.
    failed: bool,
    place: Place,
    environment: Arc<Environment>,
    began: MonoNs,
}

/// What of the command line is asked again and again.
struct Asked {
    wanted: Wanted,
    count: u64,
    after_ns: u64,
    memory: usize,
    quiet: bool,
    shows_progress: bool,
}

impl Catching {
    /// Makes ready, before anything is attached.
    ///
    /// # Errors
    ///
    /// The kernel's release cannot be read.
    pub(super) fn begin(asked: &Catch) -> Result<Self, Failure> {
        let mut wanted = select::wanted(&asked.select.kinds);
        wanted.causes.clone_from(&asked.select.causes);
        Ok(Self {
            asked: Asked {
                wanted,
                count: asked.count,
                after_ns: nanoseconds(asked.after),
                memory: asked.memory,
                quiet: asked.quiet,
                shows_progress: !asked.quiet && io::stderr().is_terminal(),
            },
            flight: Rc::new(RefCell::new(Flight::new(Limits {
                keep_ns: nanoseconds(asked.keep + asked.settle + asked.after + TELLING),
                memory: asked.memory,
            }))),
            seen: Arc::default(),
            due: VecDeque::new(),
            saving: None,
            saved: 0,
            failed: false,
            place: Place::new(asked.output.as_deref()),
            environment: Arc::new(Environment::look(asked)?),
            began: clock::now(),
        })
    }

    /// A road at whose end every ending is looked at.
    pub(super) fn pipeline<F: Facts>(
        &self,
        facts: F,
        settings: &Settings,
        reasons: ReasonNames,
        clock: WallClock,
    ) -> Pipeline<F> {
        let (wanted, seen) = (self.asked.wanted.clone(), Arc::clone(&self.seen));
        let trap = Trap::new(wanted, self.asked.count, seen, reasons.clone(), clock);
        view::quiet(facts, settings, reasons, Box::new(trap))
    }

    /// What keeps everything that comes.
    pub(super) fn medium(&self) -> Box<dyn Medium> {
        Box::new(Kept(Rc::clone(&self.flight)))
    }

    /// Whether something was caught that waits to be saved.
    pub(super) fn is_waiting(&self) -> bool {
        !self.due.is_empty()
    }

    /// Takes what was caught; says whether something is to be saved now.
    pub(super) fn turn(&mut self) -> Turn {
        let now = clock::now();
        for caught in std::mem::take(&mut lock(&self.seen).caught) {
            self.due.push_back((now.after(self.asked.after_ns), caught));
        }
        let busy = self.saving.as_ref().is_some_and(|it| !it.is_finished());
        let due = self.due.front().is_some_and(|(due, _)| *due <= now);
        if !due || busy {
            Turn::GoOn
        } else if self.saved + 1 == self.asked.count {
            Turn::End
        } else {
            Turn::Save
        }
    }

    /// Saves what was caught first, on a thread of its own: recording goes on meanwhile.
    ///
    /// # Errors
    ///
    /// There is no place to save it.
    pub(super) async fn save(&mut self) -> io::Result<()> {
        self.saved_before().await;
        if let Some(bundle) = self.next(Some("caught"))? {
            self.saving = Some(tokio::task::spawn_blocking(move || bundle.write()));
        }
        Ok(())
    }

    /// Has the time pass, and shows how far it is.
    ///
    /// # Errors
    ///
    /// See [`Flight::advance`].
    pub(super) fn tick(&self) -> io::Result<()> {
        let now = clock::now();
        let mut flight = self.flight.borrow_mut();
        flight.advance(now)?;
        if self.asked.shows_progress {
            progress::show(&Progress {
                waited_ns: now.since(self.began),
                endings: lock(&self.seen).endings,
                caught: self.saved + u64::try_from(self.due.len()).unwrap_or(0),
                count: self.asked.count,
                kept_ns: flight.span_ns(),
                taken: flight.memory(),
                memory: self.asked.memory,
            });
        }
        Ok(())
    }

    /// Saves what is left once the run is over: `interrupted`, or because its time was over or
    /// everything was caught.
    ///
    /// # Errors
    ///
    /// There is no place to save it.
    pub(super) async fn close(mut self, interrupted: bool) -> io::Result<Exit> {
        output::progress("");
        for caught in std::mem::take(&mut lock(&self.seen).caught) {
            self.due.push_back((MonoNs(0), caught));
        }
        self.saved_before().await;
        while let Some(bundle) = self.next(None)? {
            self.failed |= !bundle.write();
        }
        let Asked { count, quiet, .. } = self.asked;
        if self.failed {
            return Ok(Exit::Runtime);
        }
        if self.saved >= count {
            return Ok(Exit::Ok);
        }
        let endings = lock(&self.seen).endings;
        if !quiet {
            let what = if interrupted {
                "interrupted"
            } else {
                "the time is over"
            };
            output::say(format_args!(
                "finrst: {what}: {} of {count} caught, {endings} endings seen",
                self.saved
            ));
        }
        Ok(if interrupted {
            Exit::Interrupted
        } else {
            Exit::NotCaught
        })
    }

    /// Waits until nothing is being saved.
    async fn saved_before(&mut self) {
        if let Some(saving) = self.saving.take() {
            self.failed |= !saving.await.unwrap_or(false);
        }
    }

    /// What is to be saved of what was caught first.
    fn next(&mut self, how: Option<&'static str>) -> io::Result<Option<Bundle>> {
        let Some((_, caught)) = self.due.pop_front() else {
            return Ok(None);
        };
        self.saved += 1;
        let number = (self.asked.count > 1).then_some(self.saved);
        let directory = self.place.create(number);
        let directory = directory.inspect_err(|_| {
            // The directory is what there was no room for; this is not to be lost with it.
            output::say(String::from_utf8_lossy(&caught.text).trim_end());
        })?;
        Ok(Some(Bundle {
            directory,
            caught,
            flight: self.flight.borrow().clone(),
            how,
            environment: Arc::clone(&self.environment),
            quiet: self.asked.quiet,
        }))
    }
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing in particular.
    GoOn,
    /// Something is to be saved, and more to be caught.
    Save,
    /// Everything was caught.
    End,
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    // Whoever panicked, what was counted stays true.
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
