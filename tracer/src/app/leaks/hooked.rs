//! The hooks of `finrst leaks --for`: who gets, shuts and closes sockets while it waits.

use std::{io, pin::pin, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tracer_common::{event::Kind, settings::stacks};

use super::{look_aside, names};
use crate::{
    app::{confined, goroutines::Watch, kernel, output, priority, select, stop::Stop},
    cli::Leaks,
    confine::Needs,
    decode::{decode, touch::touch},
    enrich::{
        clock,
        facts::{Facts as _, Live},
    },
    exit::Failure,
    leaks::{Found, How, Leaked, Names, Touch, Traced},
    model::{
        known::KnownSocket,
        observation::{Observation, What},
        time::MonoNs,
    },
    order::Merge,
    probe::{
        session::{Segments, Session},
        source::Source as _,
    },
};

/// How often the buffers are emptied when nothing fills them.
const TICK: Duration = Duration::from_millis(15);
/// How long a record may be on its way from its stamp to its buffer.
const SLACK_NS: u64 = 20_000_000;
/// Records held back at most while waiting for older ones of other CPUs.
const MERGE: usize = 65_536;
/// The records that tell of sockets that live on, of who closed first, and of who runs Go.
const RECORDS: [Kind; 8] = [
    Kind::StateChanged,
    Kind::Accepted,
    Kind::ShutdownCalled,
    Kind::HeldOpen,
    Kind::Destroyed,
    Kind::ProcessExited,
    Kind::ProcessExeced,
    Kind::Stack,
];

/// The kernel half, and what it told so far.
pub(super) struct Hooked {
    session: Session,
    merge: Merge,
    traced: Traced,
    facts: Live,
    goroutines: Watch,
    /// Whether sends and receives are kept.
    touch: bool,
    undecodable: u64,
}

impl Hooked {
    /// Attaches it.
    ///
    /// # Errors
    ///
    /// Exit code 3 without privileges, 4 where the kernel lacks something, 2 for filters that fit
    /// nothing.
    pub(super) fn open(asked: &Leaks) -> Result<Self, Failure> {
        let system = kernel::privileges()?;
        let filters = select::of_sockets(&asked.filters)?;
        let types = kernel::types(asked.kernel.btf.as_deref())?;
        let kinds = RECORDS.iter().fold(0, |bits, kind| bits | kind.bit());
        let mut request = kernel::request(&asked.kernel, kinds, filters, Segments::default())?;
        request.stacks = stacks::KEEPING_USER;
        if asked.touch {
            request.stacks |= stacks::TOUCH_USER;
        }
        let mut session = kernel::open(&request, &types)?;
        kernel::sufficient_for_states(&session)?;
        if asked.touch && session.plan.hook("touched").is_none() && !asked.shown.quiet {
            output::say("finrst: this kernel does not let sends and receives be seen");
        }
        let needs = Needs {
            // Every look is at all of them.
            namespaces: true,
            old_kernel: confined::is_old(&system),
            ..Needs::default()
        };
        confined::confine(needs, asked.shown.quiet);
        let goroutines = Watch::new(session.goroutines.take(), false);
        goroutines.begin();
        priority::raise();
        Ok(Self {
            session,
            merge: Merge::new(MERGE),
            traced: Traced::default(),
            facts: Live::here(),
            goroutines,
            touch: asked.touch,
            undecodable: 0,
        })
    }

    /// What was seen so far.
    pub(super) const fn traced(&self) -> &Traced {
        &self.traced
    }

    /// Takes in what happens until then; false when somebody asked to stop before.
    pub(super) async fn follow(&mut self, stop: &Stop, until: Instant) -> io::Result<bool> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                ready = self.session.filled() => ready?,
                _ = tick.tick() => {}
                () = stop.asked() => return Ok(false),
                () = sleep_until(until) => return Ok(true),
            }
            self.drain()?;
        }
    }

    /// Looks at all sockets, and takes in everything that happened before the look was over.
    pub(super) async fn look(
        &mut self,
        quiet: bool,
    ) -> Result<(Vec<KnownSocket>, MonoNs), Failure> {
        let mut look = pin!(look_aside(quiet));
        let sockets = loop {
            tokio::select! {
                found = &mut look => break found?,
                () = tokio::time::sleep(TICK) => {
                    self.drain()?;
                }
            }
        };
        let at = clock::now();
        while self.drain()? < at {
            tokio::time::sleep(TICK).await;
        }
        Ok((sockets, at))
    }

    /// Takes in who sent and received last, and finds the names of all stacks.
    pub(super) async fn name(&mut self, found: &mut Found, names: &mut Names) -> io::Result<()> {
        if self.touch {
            for leaked in &mut found.leaked {
                if let Some(touch) = self.touch_of(leaked) {
                    leaked.touched(touch);
                }
            }
        }
        names::find(self, found, names).await
    }

    /// Who sent or received last on a socket.
    fn touch_of(&mut self, leaked: &Leaked) -> Option<Touch> {
        let touch = touch(&self.session.touches.of(leaked.address?)?).ok()?;
        let cookies = (touch.stack.socket.cookie, leaked.socket.cookie);
        if matches!(cookies, (Some(theirs), Some(ours)) if theirs != ours) {
            return None;
        }
        Some(Touch {
            how: if touch.received {
                How::Received
            } else {
                How::Sent
            },
            at: touch.at,
            task: touch.task,
            stack: self.traced.keep(&touch.task, &touch.stack),
        })
    }

    /// Empties the buffers; says up to when everything was taken in.
    pub(super) fn drain(&mut self) -> io::Result<MonoNs> {
        let reached = clock::now().before(SLACK_NS);
        let Self {
            session,
            merge,
            traced,
            facts,
            goroutines,
            undecodable,
            ..
        } = self;
        session.drain(&mut |record| {
            goroutines.notice(record);
            let Ok(seen) = decode(record) else {
                *undecodable += 1;
                return;
            };
            expect(facts, &seen);
            if let Some(early) = merge.push(seen) {
                traced.observe(&early);
            }
        })?;
        while let Some(seen) = merge.pop(reached) {
            traced.observe(&seen);
        }
        facts.turn(reached);
        Ok(reached)
    }

    /// Where names come from.
    pub(super) const fn facts(&mut self) -> &mut Live {
        &mut self.facts
    }

    /// Says what was lost.
    pub(super) fn say_account(&self) -> io::Result<()> {
        let counts = self.session.counts()?;
        let lost: u64 = RECORDS.iter().map(|&kind| counts.lost(kind)).sum();
        let lost = lost + self.session.missed().unwrap_or(0) + self.undecodable;
        if lost > 0 {
            output::say(format_args!(
                "finrst: {lost} records were lost: of some sockets less is known; try a larger --buffer-size"
            ));
        }
        if self.touch && self.session.touches.are_full() {
            output::say(
                "finrst: of some sockets it is not known who sent or received: too many are open",
            );
        }
        Ok(())
    }
}

/// Stacks are named when a leak has them, for of most connections nobody wants to know; and who
/// holds a socket the look says.
fn expect(facts: &mut Live, seen: &Observation) {
    if !matches!(seen.what, What::Stack(_) | What::HeldOpen { .. }) {
        facts.seen(seen);
    }
}
