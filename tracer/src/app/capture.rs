//! One capture beside the hooks: its segments, by the hooks' clock.

use std::{collections::HashSet, io};

use super::translator::Translator;
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
    /// Wall time less the hooks' time when frames were last taken off, in nanoseconds.
    offset_ns: i128,
    /// Segments whose time did not fit between the last two looks at the clocks.
    stepped: u64,
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
            offset_ns: clock::wall_offset_ns(),
            stepped: 0,
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

    /// Hands over what was captured since.
    ///
    /// # Errors
    ///
    /// The ring cannot be read.
    pub(super) fn drain(&mut self, pipeline: &mut Tapped<impl Facts>) -> io::Result<()> {
        let Self {
            live,
            netns,
            named,
            others,
            offset_ns,
            stepped,
            translator,
        } = self;
        let mut seen = Vec::new();
        live.drain(&mut |frame| match frame.segment() {
            Ok(segment) => seen.push(segment),
            Err(why) => others.count(why),
        })?;
        if seen.is_empty() {
            return Ok(());
        }
        let (before, after) = (*offset_ns, clock::wall_offset_ns());
        *offset_ns = after;
        let now = clock::now();
        for segment in &seen {
            let Some(at) = hooks_time(segment, (before, after), now) else {
                *stepped += 1;
                continue;
            };
            if let Device::Index(index) = segment.device
                && named.insert(index)
                && let Some(name) = live.device_name(index)
            {
                pipeline.device(Some(*netns), index, Foreign::from(name.as_bytes()));
            }
            let headers = &segment.headers;
            let seen = (headers.source, headers.destination);
            if let Some(Translation { before, after }) = translator.asked(seen, at) {
                pipeline.translated(*netns, before, after);
            }
            pipeline.sight(at, Some(*netns), segment);
        }
        Ok(())
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
            untimed: self.stepped,
            ..Captured::default()
        })
    }
}

/// When a segment was captured, by the hooks' clock: the wall clock may have been set between the
/// last two looks at it, and only one of the two offsets leads to a time that is over and not long.
fn hooks_time(segment: &Seen, offsets: (i128, i128), now: MonoNs) -> Option<MonoNs> {
    let at = segment.at.filter(|at| at.clock == CaptureClock::Realtime)?;
    let by = |offset: i128| {
        let at = u64::try_from(i128::from(at.ns) - offset).ok().map(MonoNs)?;
        // A capture and the clocks are read a little apart.
        let over = at.0 <= now.0.saturating_add(1_000_000);
        (over && now.since(at) < LONGEST_NS).then_some(at)
    };
    by(offsets.1).or_else(|| by(offsets.0))
}

/// Nanoseconds a frame may have waited to be taken off.
const LONGEST_NS: u64 = 10_000_000_000;
