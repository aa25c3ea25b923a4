//! The road from bytes to lines: the only file that knows the order of the stages.
//!
//! Plain calls on values. Time comes in as a watermark; nothing here waits, and nothing reads a clock.

use std::io::{self, Write};

pub mod tap;
mod untold;
mod wanted;

use untold::Untold;
pub use wanted::Wanted;

use crate::{
    correlate::{Correlator, looked},
    decode::decode,
    diagnose::{diagnose, explain},
    enrich::facts::Facts,
    model::{
        ending::Ending, foreign::Foreign, known::KnownSocket, observation::Observation,
        segment::Seen, stack::Stack, time::MonoNs,
    },
    order::Merge,
    render::{Devices, Explained, Render, Start, time::WallClock},
    tally::{Account, Lost, PerKind, Tally, kind_of},
};

/// Records held back at most while waiting for older ones of other CPUs: 65,536 of some 350 bytes.
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
    /// Whether segments no ending told of are counted.
    counts_unjoined: bool,
    view: Box<dyn Render>,
    out: Box<dyn Write>,
    wanted: Wanted,
    /// Whether every event is told.
    events: bool,
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
            no_devices: Devices::new(),
            counts_unjoined: false,
            view,
            out,
            wanted,
            events,
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

    /// From now on times map to the wall by this clock.
    pub fn clock(&mut self, clock: WallClock) {
        self.view.clock(clock);
    }

    /// Takes in which sockets there were right after the attach, and who held them; says how many
    /// found no room.
    pub fn know(&mut self, sockets: Vec<KnownSocket>) -> usize {
        self.correlator.know(sockets)
    }

    /// From now on segments are captured; those of no ending count only where the endings of
    /// `everything` are told.
    pub fn captures(&mut self, everything: bool) {
        self.devices.get_or_insert_default();
        self.counts_unjoined = everything;
    }

    /// A capture sees a device of this name.
    pub fn device(&mut self, index: u32, name: Foreign) {
        self.devices.get_or_insert_default().insert(index, name);
    }

    /// Takes in a segment that was seen in a network namespace, by the hooks' clock.
    pub fn sight(&mut self, at: MonoNs, netns: Option<u32>, seen: &Seen) {
        self.correlator.sight(at, netns, seen);
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

    /// Tells everything that is certain once nothing older than `watermark` can come.
    ///
    /// Returns whether the limit of endings is reached.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn turn(&mut self, watermark: MonoNs) -> io::Result<bool> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut merge = std::mem::replace(&mut self.merge, Merge::new(0));
        let done = merge
            .release(watermark)
            .try_for_each(|seen| self.observe(&seen));
        self.merge = merge;
        done?;
        let endings = self.correlator.settle(watermark);
        self.tell_all(endings)?;
        self.out.flush()?;
        self.facts.turn(watermark);
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
            at,
        } = account;
        self.tally.captured = captured;
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
        self.turn(MonoNs(u64::MAX))?;
        let endings = self.correlator.finish();
        self.tell_all(endings)?;
        self.tell_named(true)?;
        let count = || self.correlator.unjoined(true);
        self.tally.unjoined_segments = self.counts_unjoined.then(count);
        self.tally.late = self.merge.late();
        self.tally.early = self.merge.early();
        self.tally.evicted = self.correlator.counters().evicted + self.forgotten;
        if summary {
            self.view.summary(&self.tally, &mut self.out)?;
        }
        self.out.flush()?;
        Ok(self.tally.clone())
    }

    /// Whether a turn up to `watermark` would change nothing and tell nothing.
    #[must_use]
    pub fn idle(&self, watermark: MonoNs) -> bool {
        !self.merge.due(watermark) && !self.correlator.due(watermark) && self.untold.is_empty()
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

    fn observe(&mut self, seen: &Observation) -> io::Result<()> {
        if self.events && !self.full() {
            self.view.event(seen, &mut self.out)?;
        }
        self.correlator.observe(seen);
        Ok(())
    }

    fn tell_all(&mut self, endings: Vec<Ending>) -> io::Result<()> {
        // Told together, looked for together.
        for look in endings.iter().filter_map(|ending| ending.look) {
            self.facts.want_holders(look.inode);
        }
        for mut ending in endings {
            if let Some(look) = ending.look {
                let holders = self.facts.holders(look.inode);
                looked(&mut ending, holders);
            }
            if self.wanted.admits(&ending) {
                self.untold.push(ending);
            } else {
                self.tally.filtered += 1;
            }
        }
        self.tell_named(false)
    }

    /// Tells the endings whose stacks have names by now, in their order; with a `hurry` all.
    fn tell_named(&mut self, hurry: bool) -> io::Result<()> {
        let mut untold = std::mem::take(&mut self.untold);
        let mut told = Ok(());
        while let (Ok(()), Some((ending, stacks))) = (&told, untold.pop(&mut self.facts, hurry)) {
            told = self.tell(ending, &stacks);
        }
        self.untold = untold;
        told
    }

    fn tell(&mut self, mut ending: Ending, stacks: &[Option<Stack>]) -> io::Result<()> {
        if self.full() {
            self.tally.filtered += 1;
            return Ok(());
        }
        self.tally.endings += 1;
        diagnose(&mut ending);
        let explanation = explain(&ending);
        let owner = ending.owner.as_ref();
        let owner = owner.and_then(|owner| self.facts.of(&owner.task));
        let netns = ending.flow.netns;
        let netns_name = netns.and_then(|inode| self.facts.netns_name(inode));
        self.view.ending(
            &Explained {
                ending: &ending,
                explanation: &explanation,
                owner,
                netns_name,
                stacks,
                devices: self.devices.as_ref().unwrap_or(&self.no_devices),
            },
            &mut self.out,
        )
    }

    fn full(&self) -> bool {
        self.limit.is_some_and(|limit| self.tally.endings >= limit)
    }
}
