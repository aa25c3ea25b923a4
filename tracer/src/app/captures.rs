//! The captures beside the hooks: one for each network namespace that is traced, and each device asked for.

use std::{
    collections::{BTreeMap, HashSet},
    future::{Future, pending, poll_fn},
    io,
    path::{Path, PathBuf},
    task::Poll,
};

mod scope;

pub(super) use self::scope::Scope;
use super::{capture::Capture, clocks::Clocks, output};
use crate::{
    cli::{Wire, Wiring},
    enrich::{clock, facts::Facts, scan},
    exit::{Exit, Failure},
    model::time::{MonoNs, Reached},
    packet::live::{BLOCK_KIB, Devices, LiveError, Namespace, Options, REST},
    pipeline::tap::Tapped,
    tally::Captured,
};

/// Namespaces captured at most: each holds a ring in the kernel's memory.
const LIMIT: usize = 32;
/// Kibibytes in the ring of our own namespace, and in that of another.
const RING_KIB: (u32, u32) = (8_192, 2_048);

/// The captures of a run; none unless asked for.
pub(super) struct Captures {
    running: Vec<Capture>,
    /// What the captures did that are over.
    over: Captured,
    scope: Scope,
    devices: Vec<Devices>,
    /// Kibibytes of a ring, where that was asked for.
    ring_kib: Option<u32>,
    is_on: bool,
    quiet: bool,
    /// Namespaces that could not be captured, each said once.
    refused: HashSet<u32>,
    /// Namespaces for which there was no room, those gone again included.
    left_out: HashSet<u32>,
}

impl Captures {
    /// Begins to capture what was asked for.
    ///
    /// # Errors
    ///
    /// No such device: exit code 2. No right to: exit code 3.
    pub(super) fn open(wiring: &Wiring, scope: Scope, quiet: bool) -> Result<Self, Failure> {
        let named = wiring.interfaces.iter().cloned().map(Devices::Named);
        let mut devices: Vec<_> = named.collect();
        if devices.is_empty() {
            devices.push(Devices::All);
        }
        let mut it = Self {
            running: Vec::new(),
            over: Captured::default(),
            scope,
            devices,
            ring_kib: wiring.wire_buffer,
            is_on: wiring.wire == Wire::Afpacket,
            quiet,
            refused: HashSet::new(),
            left_out: HashSet::new(),
        };
        let failed = if it.is_on { it.look() } else { None };
        match failed {
            Some(error) if it.running.is_empty() => Err(refused(error)),
            Some(_) | None => Ok(it),
        }
    }

    /// Captures in namespaces that came, and no longer in those that went: a capture would keep one
    /// from going.
    pub(super) fn refresh(
        &mut self,
        clocks: &mut Clocks,
        pipeline: &mut Tapped<impl Facts>,
    ) -> io::Result<()> {
        if !self.is_on || matches!(self.scope, Scope::Files(_)) {
            return Ok(());
        }
        let wanted = self.scope.files();
        let gone = |it: &mut Capture| !wanted.contains_key(&it.netns);
        for mut capture in self.running.extract_if(.., gone).collect::<Vec<_>>() {
            capture.read()?;
            clocks.sample(false, pipeline);
            capture.hand_over(clocks, pipeline);
            self.over = sum(self.over, capture.counts()?);
        }
        self.capture(wanted);
        Ok(())
    }

    /// Waits for frames of any; forever without a capture.
    pub(super) async fn filled(&self) -> io::Result<()> {
        if self.running.is_empty() {
            return pending().await;
        }
        let waits = self.running.iter().map(|it| Box::pin(it.filled()));
        let mut waits: Vec<_> = waits.collect();
        poll_fn(|context| {
            let mut polled = waits.iter_mut().map(|it| it.as_mut().poll(context));
            polled.find(Poll::is_ready).unwrap_or(Poll::Pending)
        })
        .await
    }

    /// Hands over what was captured since.
    ///
    /// # Errors
    ///
    /// A ring cannot be read.
    pub(super) fn drain(
        &mut self,
        clocks: &mut Clocks,
        pipeline: &mut Tapped<impl Facts>,
    ) -> io::Result<()> {
        if self.running.is_empty() {
            return Ok(());
        }
        self.running.iter_mut().try_for_each(Capture::read)?;
        clocks.sample(false, pipeline);
        for capture in &mut self.running {
            capture.hand_over(clocks, pipeline);
        }
        Ok(())
    }

    /// Up to when everything captured was handed over, given that a segment takes at most
    /// `slack_ns` from its stamp to the ring; the end of time without a capture.
    pub(super) fn reached(&self, slack_ns: u64) -> MonoNs {
        let least = self.running.iter().map(Capture::complete).min();
        least.map_or(Reached::END, |it| it.before(slack_ns))
    }

    /// Hands over what the kernel still holds back at the end of a run; says whether that was all.
    ///
    /// # Errors
    ///
    /// A ring cannot be read.
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

    /// What they did so far; `None` when nothing is captured.
    ///
    /// # Errors
    ///
    /// The kernel does not tell its counters.
    pub(super) fn counts(&mut self) -> io::Result<Option<Captured>> {
        if !self.is_on {
            return Ok(None);
        }
        let mut all = self.over;
        for capture in &mut self.running {
            all = sum(all, capture.counts()?);
        }
        all.left_out = u64::try_from(self.left_out.len()).unwrap_or(u64::MAX);
        Ok(Some(all))
    }

    /// Looks for namespaces, and captures; the first failure where one failed.
    fn look(&mut self) -> Option<LiveError> {
        let wanted = self.scope.files();
        self.capture(wanted)
    }

    fn capture(&mut self, wanted: BTreeMap<u32, PathBuf>) -> Option<LiveError> {
        let ours = scan::inode(Path::new("/proc/self/ns/net"));
        let known: HashSet<_> = self.running.iter().map(|it| it.netns).collect();
        let mut room = LIMIT.saturating_sub(known.len());
        let mut failure = None;
        let mut new: Vec<_> = wanted.into_iter().collect();
        new.retain(|(netns, _)| !known.contains(netns) && !self.refused.contains(netns));
        // Ours first: it is the one whose devices people name.
        new.sort_by_key(|(netns, _)| Some(*netns) != ours);
        for (netns, file) in new {
            if room == 0 {
                self.leave_out(netns);
                continue;
            }
            let own = Some(netns) == ours;
            let namespace = if own {
                Namespace::Own
            } else {
                Namespace::File(file)
            };
            match self.capture_in(netns, &namespace, own) {
                Ok(()) => room -= 1,
                Err(error) => {
                    self.refused.insert(netns);
                    // What is wrong with ours is the most telling.
                    failure.get_or_insert(error);
                }
            }
        }
        failure
    }

    /// Captures on every device asked for that a namespace has.
    fn capture_in(
        &mut self,
        netns: u32,
        namespace: &Namespace,
        own: bool,
    ) -> Result<(), LiveError> {
        let mut failure = None;
        let mut begun = Vec::new();
        for devices in &self.devices {
            let usual = if own { RING_KIB.0 } else { RING_KIB.1 };
            let options = Options {
                namespace: namespace.clone(),
                devices: devices.clone(),
                blocks: self.ring_kib.unwrap_or(usual).div_ceil(BLOCK_KIB),
                syn: true,
            };
            match Capture::open(netns, &options) {
                Ok(capture) => begun.push(capture),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if begun.is_empty() => {
                let no_device = matches!(error, LiveError::Device { .. });
                if !no_device && !self.quiet && !own {
                    let why = scan::chain(&error);
                    output::say(format_args!(
                        "finrst: network namespace {netns} is not captured: {why}"
                    ));
                }
                Err(error)
            }
            Some(_) | None => {
                self.running.extend(begun);
                Ok(())
            }
        }
    }

    fn leave_out(&mut self, netns: u32) {
        if self.left_out.insert(netns) && self.left_out.len() == 1 && !self.quiet {
            output::say(format_args!(
                "finrst: there are more than {LIMIT} network namespaces, the rest is not captured: \
                 -p, --netns choose"
            ));
        }
    }
}

const fn sum(one: Captured, other: Captured) -> Captured {
    Captured {
        frames: one.frames + other.frames,
        dropped: one.dropped + other.dropped,
        unreadable: one.unreadable + other.unreadable,
        untimed: one.untimed + other.untimed,
        left_out: one.left_out + other.left_out,
        syns_left_out: one.syns_left_out + other.syns_left_out,
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
