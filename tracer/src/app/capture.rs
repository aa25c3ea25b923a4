//! One capture beside the hooks: its segments, by the hooks' clock.

use std::{collections::HashSet, io};

use super::{clocks::Clocks, translator::Translator};
use crate::{
    enrich::{clock, conntrack::Translation, facts::Facts},
    model::{
        foreign::Foreign,
        segment::{CaptureClock, Device, Seen},
        time::MonoNs,
    },
    packet::{
        live::{Live, LiveError, Options, Statistics},
        parse::NotSegments,
    },
    pipeline::tap::Tapped,
    tally::Captured,
};

/// A capture in one network namespace, on all of its devices or on one.
pub(super) struct Capture {
    live: Live,
    /// Inode number of the namespace.
    pub(super) netns: u32,
    named: HashSet<u32>,
    others: NotSegments,
    /// Read and not handed over.
    seen: Vec<Seen>,
    /// When the last reading began that found the ring empty.
    emptied: MonoNs,
    /// Up to when everything captured was handed over.
    complete: MonoNs,
    /// Segments whose time is not known, because the wall was set.
    untimed: u64,
    translator: Translator,
}

impl Capture {
    /// Begins to capture.
    ///
    /// # Errors
    ///
    /// What is missing, by the step that failed.
    pub(super) fn open(netns: u32, options: &Options) -> Result<Self, LiveError> {
        Ok(Self {
            live: Live::open(options)?,
            netns,
            named: HashSet::new(),
            others: NotSegments::default(),
            seen: Vec::new(),
            emptied: MonoNs(0),
            complete: MonoNs(0),
            untimed: 0,
            translator: Translator::of(&options.namespace),
        })
    }

    /// Waits for frames. A device that went down is no end: it may come up again.
    pub(super) async fn filled(&self) -> io::Result<()> {
        match self.live.filled().await {
            Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => Ok(()),
            filled => filled,
        }
    }

    /// Takes off what was captured since.
    ///
    /// # Errors
    ///
    /// The ring cannot be read.
    pub(super) fn read(&mut self) -> io::Result<()> {
        let Self {
            live, others, seen, ..
        } = self;
        let begun = clock::now();
        let everything = live.drain(&mut |frame| match frame.segment() {
            Ok(segment) => seen.push(segment),
            Err(why) => others.count(why),
        })?;
        if everything {
            self.emptied = begun;
        }
        Ok(())
    }

    /// Hands over what was read. The clocks were looked at after it was: all of it was stamped before.
    pub(super) fn hand_over(&mut self, clocks: &Clocks, pipeline: &mut Tapped<impl Facts>) {
        for segment in std::mem::take(&mut self.seen) {
            let stamp = segment.at.filter(|it| it.clock == CaptureClock::Realtime);
            let Some(time) = stamp.and_then(|it| clocks.hooks_time(it.ns)) else {
                self.untimed += 1;
                continue;
            };
            if let Device::Index(index) = segment.device
                && self.named.insert(index)
                && let Some(name) = self.live.device_name(index)
            {
                pipeline.device(Some(self.netns), index, Foreign::from(name.as_bytes()));
            }
            let headers = &segment.headers;
            let tuple = (headers.source, headers.destination);
            // Of a SYN nothing is asked: nearly all connections come to be.
            if !headers.flags.opens()
                && let Some(Translation { before, after }) = self.translator.asked(tuple, time.at)
            {
                pipeline.translated(self.netns, before, after);
            }
            // Frames rest in the order they came in.
            let surely = time.at.before(time.error_ns.unwrap_or(0));
            self.complete = surely.max(self.complete);
            pipeline.sight(time, Some(self.netns), &segment);
        }
        self.complete = self.emptied.max(self.complete);
    }

    /// Up to when everything captured was handed over.
    pub(super) const fn complete(&self) -> MonoNs {
        self.complete
    }

    /// What it did so far.
    ///
    /// # Errors
    ///
    /// The kernel does not tell its counters.
    pub(super) fn counts(&mut self) -> io::Result<Captured> {
        let Statistics {
            passed, dropped, ..
        } = self.live.statistics()?;
        let NotSegments {
            fragments,
            truncated,
            malformed,
            ..
        } = self.others;
        Ok(Captured {
            frames: passed,
            dropped,
            unreadable: fragments + truncated + malformed,
            untimed: self.untimed,
            ..Captured::default()
        })
    }
}
