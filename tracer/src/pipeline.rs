//! The road from bytes to lines: the only file that knows the order of the stages.
//!
//! Plain calls on values. Time comes in as a watermark; nothing here waits, and nothing reads a clock.

use std::io::{self, Write};

pub mod tap;

use crate::{
    correlate::{Correlator, looked},
    decode::decode,
    diagnose::{diagnose, explain},
    enrich::facts::Facts,
    model::{
        alignment::Alignment,
        clock::{Sample, Timed},
        ending::{Ending, How},
        foreign::Foreign,
        known::KnownSocket,
        observation::Observation,
        segment::{Device, Seen},
        stray::{Tuple, Why},
        time::{MonoNs, Reached},
    },
    order::Merge,
    render::{Devices, Explained, Render, Start},
    tally::{Account, Delays, Lost, PerKind, Tally, Unjoined, kind_of},
};

/// Records held back at most while waiting for older ones of other CPUs: 65,536 of some 350 bytes.
const MERGE_CAPACITY: usize = 65_536;

/// Which endings are told, of those the kernel half lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Endings without any RST.
    pub fin: bool,
    /// Endings with an RST, sent or received.
    pub rst: bool,
}

impl Wanted {
    fn admits(self, ending: &Ending) -> bool {
        match ending.decisive().map(|act| act.how) {
            Some(How::RstSent | How::RstReceived) => self.rst,
            Some(How::FinSent | How::FinReceived) => self.fin,
            Some(How::Timeout | How::Destroyed | How::HeldOpen) => self.fin && self.rst,
            None => false,
        }
    }
}

/// The stages after the source, and where they write.
pub struct Pipeline<F> {
    facts: F,
    merge: Merge,
    correlator: Correlator,
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

    /// From now on segments are captured; those of no ending count only where the endings of
    /// `everything` are told.
    pub fn captures(&mut self, everything: bool) {
        self.devices.get_or_insert_default();
        self.tally.unjoined_segments = everything.then(Unjoined::default);
    }

    /// Whether segments are captured.
    #[must_use]
    pub const fn is_capturing(&self) -> bool {
        self.devices.is_some()
    }

    /// Tells the segments no ending tells, too.
    pub const fn tell_strays_too(&mut self) {
        self.strays = true;
    }

    /// A capture in a network namespace sees a device of this name.
    pub fn device(&mut self, netns: Option<u32>, index: u32, name: Foreign) {
        let devices = self.devices.get_or_insert_default();
        devices.insert(netns, Device::Index(index), name);
    }

    /// A capture file has an interface of this name.
    pub fn interface(&mut self, number: u32, name: Foreign) {
        let devices = self.devices.get_or_insert_default();
        devices.insert(None, Device::Interface(number), name);
    }

    /// From now on a segment may have been seen this long before or after the kernel's act, in
    /// nanoseconds: on its way to where it was captured.
    pub fn reach(&mut self, ns: u64) {
        self.correlator.reach(ns);
    }

    /// Tells how a capture file was held against what is told.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn alignment(&mut self, alignment: &Alignment, at: MonoNs) -> io::Result<()> {
        self.view.alignment(alignment, at, &mut self.out)
    }

    /// Takes in a segment that was seen in a network namespace, by the hooks' clock.
    pub fn sight(&mut self, at: Timed, netns: Option<u32>, seen: &Seen) {
        self.correlator.sight(at, netns, seen);
    }

    /// A network namespace translates one tuple to another on the way.
    pub fn translated(&mut self, netns: u32, before: Tuple, after: Tuple) {
        self.correlator.translated(netns, before, after);
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
        let mut merge = std::mem::replace(&mut self.merge, Merge::new(0));
        let done = merge
            .release(reached.records)
            .try_for_each(|seen| self.observe(&seen));
        self.merge = merge;
        done?;
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
        !self.merge.due(reached.records) && !self.correlator.due(reached.settled())
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
            self.tell(ending)?;
        }
        Ok(())
    }

    /// Counts the segments nothing tells of and, where events are told, tells them.
    fn tell_strays(&mut self) -> io::Result<()> {
        let (strays, refused) = self.correlator.strays();
        let Some(unjoined) = &mut self.tally.unjoined_segments else {
            return Ok(());
        };
        unjoined.add(Why::NoRoom, refused);
        for stray in strays {
            unjoined.add(stray.why, 1);
            let full = self.limit.is_some_and(|limit| self.tally.endings >= limit);
            if self.strays && !full {
                let devices = self.devices.as_ref().unwrap_or(&self.no_devices);
                self.view.segment(&stray, devices, &mut self.out)?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, mut ending: Ending) -> io::Result<()> {
        if self.full() || !self.wanted.admits(&ending) {
            self.tally.filtered += 1;
            return Ok(());
        }
        self.tally.endings += 1;
        self.delays.add(&ending);
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
                devices: self.devices.as_ref().unwrap_or(&self.no_devices),
            },
            &mut self.out,
        )
    }

    fn full(&self) -> bool {
        self.limit.is_some_and(|limit| self.tally.endings >= limit)
    }
}
