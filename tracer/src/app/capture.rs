//! The capture beside the hooks: its segments, by the hooks' clock.

use std::{collections::HashSet, future::pending, io, os::unix::fs::MetadataExt as _};

use crate::{
    cli::{Wire, Wiring},
    enrich::{clock, facts::Facts},
    exit::{Exit, Failure},
    model::{
        foreign::Foreign,
        segment::{CaptureClock, Device, Seen},
        time::MonoNs,
    },
    packet::{
        live::{Devices, Live, LiveError, Namespace, Options, REST, Statistics},
        parse::NotSegments,
    },
    pipeline::tap::Tapped,
    tally::Captured,
};

/// A capture in one network namespace, if one was asked for.
pub(super) struct Capture {
    live: Option<Live>,
    /// Inode number of the namespace.
    netns: Option<u32>,
    named: HashSet<u32>,
    others: NotSegments,
    /// Wall time less the hooks' time when frames were last taken off, in nanoseconds.
    offset_ns: i128,
    /// Segments whose time did not fit between the last two looks at the clocks.
    stepped: u64,
}

impl Capture {
    /// Begins to capture what was asked for, in the namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// No such device: exit code 2. No right to: exit code 3.
    pub(super) fn open(wiring: &Wiring) -> Result<Self, Failure> {
        let live = match wiring.wire {
            // The hooks capture by themselves.
            Wire::Off | Wire::Xmit | Wire::Tcx => None,
            Wire::Afpacket => {
                let devices = wiring
                    .interface
                    .clone()
                    .map_or(Devices::All, Devices::Named);
                let options = Options {
                    namespace: Namespace::Own,
                    devices,
                    ..Options::default()
                };
                Some(Live::open(&options).map_err(refused)?)
            }
        };
        let netns = std::fs::metadata("/proc/self/ns/net").ok();
        Ok(Self {
            live,
            netns: netns.and_then(|it| u32::try_from(it.ino()).ok()),
            named: HashSet::new(),
            others: NotSegments::default(),
            offset_ns: clock::wall_offset_ns(),
            stepped: 0,
        })
    }

    /// Whether anything is captured.
    pub(super) const fn is_on(&self) -> bool {
        self.live.is_some()
    }

    /// Waits for frames; forever without a capture.
    pub(super) async fn filled(&self) -> io::Result<()> {
        match &self.live {
            Some(live) => live.filled().await,
            None => pending().await,
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
        } = self;
        let Some(live) = live else { return Ok(()) };
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
                pipeline.device(*netns, index, Foreign::from(name.as_bytes()));
            }
            pipeline.sight(at, *netns, segment);
        }
        Ok(())
    }

    /// Hands over what the kernel still holds back at the end of a run.
    ///
    /// # Errors
    ///
    /// The ring cannot be read.
    pub(super) fn finish(&mut self, pipeline: &mut Tapped<impl Facts>) -> io::Result<()> {
        if self.is_on() {
            std::thread::sleep(REST);
        }
        self.drain(pipeline)
    }

    /// What it did so far; `None` when nothing is captured.
    ///
    /// # Errors
    ///
    /// The kernel does not tell its counters.
    pub(super) fn counts(&mut self) -> io::Result<Option<Captured>> {
        let Some(live) = &mut self.live else {
            return Ok(None);
        };
        let Statistics {
            passed, dropped, ..
        } = live.statistics()?;
        let NotSegments {
            fragments,
            truncated,
            malformed,
            ..
        } = self.others;
        Ok(Some(Captured {
            frames: passed,
            dropped,
            unreadable: fragments + truncated + malformed,
            untimed: self.stepped,
        }))
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

fn refused(error: LiveError) -> Failure {
    let (exit, hint) = match &error {
        LiveError::Device { .. } => (Exit::Usage, "`ip link` lists the devices"),
        LiveError::Socket(_) => (
            Exit::Privileges,
            "capturing needs CAP_NET_RAW; without --wire nothing is captured",
        ),
        LiveError::Namespace { .. }
        | LiveError::Filter(_)
        | LiveError::Ring { .. }
        | LiveError::Wait(_) => (Exit::Runtime, "without --wire nothing is captured"),
    };
    Failure::new(exit, error, hint)
}
