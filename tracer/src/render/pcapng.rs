//! pcapng: every segment of an ending as a packet, and what the ending was as its comments.
//!
//! Only what was seen becomes a packet. How blocks are put together is known to `packet`.

use std::io::{self, Write};

use self::file::File;
use super::{Devices, Explained, Options, Render, Start, time::WallClock};
use crate::{
    model::{
        clock::Sample,
        observation::Observation,
        segment::{CaptureClock, CaptureTime, Direction},
        stray::Stray,
        time::MonoNs,
        wire::{Sighting, WireSegment},
    },
    packet::pcapng::Section,
    tally::{Lost, Tally},
};

mod comment;
mod file;
#[cfg(test)]
mod tests;

/// Writes pcapng.
pub(super) struct Pcapng {
    clock: WallClock,
    /// Whether comments explain endings.
    explain: bool,
    /// What is being written; `None` before the section has begun.
    file: Option<File>,
}

impl Pcapng {
    pub(super) fn new(options: Options) -> Self {
        Self {
            clock: options.clock,
            explain: options.explain,
            file: None,
        }
    }

    /// The section, begun if need be.
    fn file(&mut self) -> io::Result<&mut File> {
        if self.file.is_none() {
            self.file = Some(File::begin(&Section::default(), None)?);
        }
        self.file
            .as_mut()
            .ok_or_else(|| io::Error::other("no section was begun"))
    }

    fn since_1970(&self, at: MonoNs) -> i64 {
        i64::try_from(self.clock.utc(at).as_nanosecond()).unwrap_or(0)
    }
}

impl Render for Pcapng {
    fn clock(&mut self, sample: &Sample) {
        self.clock.learn(sample);
    }

    fn start(&mut self, start: &Start<'_>, out: &mut dyn Write) -> io::Result<()> {
        let began_ns = self.since_1970(start.at);
        let system = start.kernel.map(|release| format!("Linux {release}"));
        let section = Section {
            comment: None,
            hardware: Some(start.machine),
            system: system.as_deref(),
            application: Some(&format!("finrst {}", start.version)),
        };
        let mut file = File::begin(&section, Some(began_ns))?;
        file.leave(out)?;
        self.file = Some(file);
        Ok(())
    }

    fn event(&mut self, _event: &Observation, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn ending(&mut self, explained: &Explained<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut told: Vec<_> = explained
            .ending
            .segments
            .iter()
            .flatten()
            .flat_map(|segment| own(segment).into_iter().map(move |it| (segment, it)))
            .collect();
        if told.is_empty() {
            return Ok(());
        }
        told.sort_by_key(|(_, (sighting, _))| sighting.at);
        let (clock, explain) = (self.clock.clone(), self.explain);
        let file = self.file()?;
        file.name(explained)?;
        let owner = explained.ending.owner.map(|owner| owner.task);
        let of_ending = comment::of_ending(explained, explain);
        for (segment, (sighting, again)) in told {
            let own = comment::of_packet(explained.ending, segment, sighting, again);
            let comments = of_ending.iter().chain([&own]).map(String::as_str);
            let at = (sighting, stamp(sighting, &clock));
            let comments = comments.collect::<Vec<_>>();
            file.packet(owner, at, explained.devices, &comments)?;
        }
        file.leave(out)
    }

    fn segment(&mut self, stray: &Stray, devices: &Devices, out: &mut dyn Write) -> io::Result<()> {
        let clock = self.clock.clone();
        let file = self.file()?;
        let comment = comment::of_stray(stray);
        for sighting in &stray.sightings {
            let at = (sighting, stamp(sighting, &clock));
            file.packet(None, at, devices, &[&comment])?;
        }
        file.leave(out)
    }

    /// Nothing yet: the counters at the end have it.
    fn lost(&mut self, _lost: &Lost, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn summary(&mut self, tally: &Tally, out: &mut dyn Write) -> io::Result<()> {
        let at_ns = self.since_1970(tally.at);
        let file = self.file()?;
        file.statistics(tally, at_ns)?;
        file.leave(out)
    }
}

/// When a packet was seen, in nanoseconds since 1970.
fn stamp(sighting: &Sighting, clock: &WallClock) -> i64 {
    match sighting.captured {
        Some(CaptureTime {
            clock: CaptureClock::Realtime,
            ns,
        }) => ns,
        Some(_) | None => i64::try_from(clock.utc(sighting.at).as_nanosecond()).unwrap_or(0),
    }
}

/// What this end of a connection has to tell of a segment, and whether it was sent again: where
/// both ends are on this machine, each tells what passed on its side, so that none comes twice.
fn own(segment: &WireSegment) -> Vec<(&Sighting, bool)> {
    let side = if segment.sent {
        Direction::Transmitted
    } else {
        Direction::Received
    };
    let all = || {
        let first = segment.sightings.iter().map(|it| (it, false));
        first.chain(segment.again.iter().map(|it| (it, true)))
    };
    let own: Vec<_> = all().filter(|(it, _)| it.direction == side).collect();
    if own.is_empty() {
        // Seen on the other side alone, or by a capture that does not say on which.
        return all().take(1).collect();
    }
    own
}
