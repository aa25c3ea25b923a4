//! The capture beside the hooks: its segments, by the hooks' clock.

use std::{collections::HashSet, future::pending, io, os::unix::fs::MetadataExt as _};

use super::clocks::Clocks;
use crate::{
    cli::{Wire, Wiring},
    enrich::{clock, facts::Facts},
    exit::{Exit, Failure},
    model::{
        foreign::Foreign,
        segment::{CaptureClock, Device},
        time::{MonoNs, Reached},
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
    /// Up to when everything captured was handed over.
    complete: MonoNs,
    /// Segments whose time is not known, because the wall was set.
    untimed: u64,
}

impl Capture {
    /// Begins to capture what was asked for, in the namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// No such device: exit code 2. No right to: exit code 3.
    pub(super) fn open(wiring: &Wiring) -> Result<Self, Failure> {
        let live = match wiring.wire {
            Wire::Off => None,
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
            complete: MonoNs(0),
            untimed: 0,
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
    pub(super) fn drain(
        &mut self,
        clocks: &mut Clocks,
        pipeline: &mut Tapped<impl Facts>,
    ) -> io::Result<()> {
        let Self {
            live,
            netns,
            named,
            others,
            complete,
            untimed,
        } = self;
        let Some(live) = live else { return Ok(()) };
        let mut seen = Vec::new();
        let begun = clock::now();
        let everything = live.drain(&mut |frame| match frame.segment() {
            Ok(segment) => seen.push(segment),
            Err(why) => others.count(why),
        })?;
        // After the frames, so that all were stamped before.
        clocks.sample(false, pipeline);
        for segment in &seen {
            let stamp = segment.at.filter(|it| it.clock == CaptureClock::Realtime);
            let Some(time) = stamp.and_then(|it| clocks.hooks_time(it.ns)) else {
                *untimed += 1;
                continue;
            };
            if let Device::Index(index) = segment.device
                && named.insert(index)
                && let Some(name) = live.device_name(index)
            {
                pipeline.device(index, Foreign::from(name.as_bytes()));
            }
            // Frames rest in the order they came in.
            let surely = time.at.before(time.error_ns.unwrap_or(0));
            *complete = surely.max(*complete);
            pipeline.sight(time, *netns, segment);
        }
        if everything {
            *complete = begun.max(*complete);
        }
        Ok(())
    }

    /// Up to when everything captured was handed over, given that a segment takes at most
    /// `slack_ns` from its stamp to the ring; the end of time without a capture.
    pub(super) fn reached(&self, slack_ns: u64) -> MonoNs {
        if self.is_on() {
            self.complete.before(slack_ns)
        } else {
            Reached::END
        }
    }

    /// Hands over what the kernel still holds back at the end of a run; says whether that was all.
    ///
    /// # Errors
    ///
    /// The ring cannot be read.
    pub(super) fn finish(
        &mut self,
        clocks: &mut Clocks,
        pipeline: &mut Tapped<impl Facts>,
    ) -> io::Result<bool> {
        let end = clock::now();
        while self.reached(0) < end && clock::now().since(end) < Reached::PATIENCE_NS {
            self.drain(clocks, pipeline)?;
            if self.reached(0) < end {
                std::thread::sleep(REST / 2);
            }
        }
        Ok(self.reached(0) >= end)
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
            untimed: self.untimed,
        }))
    }
}

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
