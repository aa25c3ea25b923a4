//! The road from bytes to lines: the only file that knows the order of the stages.
//!
//! Plain calls on values. Time comes in as a watermark; nothing here waits, and nothing reads a clock.

use std::io::{self, Write};

mod devices;
pub mod tap;
mod tell;
mod untold;
mod wanted;
mod wire;

use untold::Untold;
pub use wanted::Wanted;

use crate::{
    correlate::Correlator,
    decode::decode,
    enrich::facts::Facts,
    model::{
        clock::Sample,
        known::KnownSocket,
        observation::Observation,
        time::{MonoNs, Reached},
    },
    order::Merge,
    render::{Devices, Render, Start},
    tally::{Account, Delays, Lost, PerKind, Tally, kind_of},
};

/// Records held back at most while waiting for older ones of other CPUs.
const MERGE_CAPACITY: usize = 65_536;

/// The stages after the source, and where they write.
pub struct Pipeline<F> {
    facts: F,
    merge: Merge,
    correlator: Correlator,
    /// Endings whose stacks have no names yet.
    untold: Untold,
    tally: Tally,
    told_lost: PerKind,
    forgotten: u64,
    /// Names of the devices a capture sees; `None` without a capture.
    devices: Option<Devices>,
    no_devices: Devices,
    delays: Delays,
    view: Box<dyn Render>,
    out: Box<dyn Write>,
    wanted: Wanted,
    /// Whether every event is told.
    events: bool,
    /// Whether segments that no ending tells are told.
    strays: bool,
    /// How many endings are told at most.
    limit: Option<u64>,
    failed: Option<io::Error>,
}

impl<F: Facts> Pipeline<F> {
    /// A road into `out`.
    #[must_use]
    pub fn new(
        facts: F,
        correlator: Correlator,
        view: Box<dyn Render>,
        out: Box<dyn Write>,
        wanted: Wanted,
        events: bool,
        limit: Option<u64>,
    ) -> Self {
        Self {
            facts,
            merge: Merge::new(MERGE_CAPACITY),
            correlator,
            untold: Untold::default(),
            tally: Tally::default(),
            told_lost: PerKind::default(),
            forgotten: 0,
            devices: None,
            no_devices: Devices::default(),
            delays: Delays::default(),
            view,
            out,
            wanted,
            events,
            strays: false,
            limit,
            failed: None,
        }
    }

    /// Tells how the run was set up.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn start(&mut self, start: &Start<'_>) -> io::Result<()> {
        self.view.start(start, &mut self.out)?;
        self.out.flush()
    }

    /// Takes in how the wall's clock stands to the hooks'.
    pub fn clock(&mut self, sample: &Sample) {
        self.view.clock(sample);
    }

    /// Takes in which sockets there were right after the attach, and who held them; says how many
    /// found no room.
    pub fn know(&mut self, sockets: Vec<KnownSocket>) -> usize {
        self.correlator.know(sockets)
    }

    /// Takes one record off the source; what cannot be decoded is counted.
    pub fn take(&mut self, record: &[u8]) {
        let Ok(observation) = decode(record) else {
            self.tally.undecodable += 1;
            return;
        };
        self.tally.received.add(kind_of(&observation.what), 1);
        // Not after the merge, which holds records back: a process may be gone by then.
        self.facts.seen(&observation);
        if let Some(early) = self.merge.push(observation)
            && let Err(error) = self.observe(&early)
        {
            self.failed.get_or_insert(error);
        }
    }

    /// Tells everything that is certain once nothing older than `reached` can come.
    ///
    /// Returns whether the limit of endings is reached.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn turn(&mut self, reached: Reached) -> io::Result<bool> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.observe_until(reached.records)?;
        if reached.records != Reached::END {
            self.view.reached(reached.settled(), &mut self.out)?;
        }
        let endings = self.correlator.settle(reached.settled());
        let before = self.tally.endings;
        self.tell_all(endings)?;
        self.tell_strays()?;
        if reached.is_hurried() {
            self.tally.hurried += self.tally.endings - before;
        }
        self.out.flush()?;
        self.facts.turn(reached.records);
        Ok(self.full())
    }

    /// Takes the kernel half's own account in and tells of new losses.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn account(&mut self, account: Account) -> io::Result<()> {
        let Account {
            emitted,
            lost,
            missed,
            forgotten,
            captured,
            clocks,
            at,
        } = account;
        let gaps = |lost: &PerKind, missed: Option<u64>| lost.total() + missed.unwrap_or(0);
        if gaps(&lost, missed) > gaps(&self.tally.lost, self.tally.missed) {
            self.correlator.lost(at);
        }
        self.tally.captured = captured;
        self.tally.clocks = clocks;
        self.forgotten = forgotten;
        (self.tally.emitted, self.tally.lost) = (emitted, lost);
        (self.tally.missed, self.tally.at) = (missed, at);
        let records = lost.since(&self.told_lost);
        if records.total() > 0 {
            self.told_lost = lost;
            self.view.lost(&Lost { at, records }, &mut self.out)?;
        }
        Ok(())
    }

    /// Tells what is left, finished or not, and with `summary` also the account of the run.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn finish(&mut self, summary: bool) -> io::Result<Tally> {
        self.turn(Reached::records(Reached::END))?;
        let endings = self.correlator.finish();
        self.tell_all(endings)?;
        self.tell_named(true)?;
        self.tell_strays()?;
        let devices = self.devices.as_ref();
        self.tally.delays = devices.map(|devices| {
            self.delays
                .told(|netns, device| devices.name(netns, device))
        });
        self.tally.late = self.merge.late();
        self.tally.early = self.merge.early();
        self.tally.evicted = self.correlator.counters().evicted + self.forgotten;
        if summary {
            self.view.summary(&self.tally, &mut self.out)?;
        }
        self.out.flush()?;
        Ok(self.tally.clone())
    }

    /// Whether a turn up to there would change nothing and tell nothing.
    #[must_use]
    pub fn idle(&self, reached: Reached) -> bool {
        let due = self.merge.due(reached.records) || self.correlator.due(reached.settled());
        !due && self.untold.is_empty()
    }

    /// Where the facts come from.
    pub const fn facts(&mut self) -> &mut F {
        &mut self.facts
    }

    /// Sockets followed now: zero when nothing is under way.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.correlator.sockets()
    }

    /// Observes what is not younger than `watermark`, where it lies: observations are large.
    fn observe_until(&mut self, watermark: MonoNs) -> io::Result<()> {
        let mut merge = std::mem::replace(&mut self.merge, Merge::new(0));
        let mut observed = Ok(());
        while let (Ok(()), Some(seen)) = (&observed, merge.oldest(watermark)) {
            observed = self.observe(seen);
            merge.drop_oldest();
        }
        self.merge = merge;
        observed
    }

    fn observe(&mut self, seen: &Observation) -> io::Result<()> {
        if self.events && !self.full() {
            self.view.event(seen, &mut self.out)?;
        }
        devices::learn(&mut self.devices, &seen.what);
        self.correlator.observe(seen);
        Ok(())
    }

    fn full(&self) -> bool {
        self.limit.is_some_and(|limit| self.tally.endings >= limit)
    }
}
