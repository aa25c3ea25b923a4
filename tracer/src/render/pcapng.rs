//! pcapng: every segment of an ending as a packet, and what the ending was as its comments.
//!
//! Only what was seen becomes a packet. How blocks are put together is known to `packet`.

use std::{
    collections::HashSet,
    io::{self, Write},
    net::IpAddr,
};

use super::{Devices, Explained, Options, Render, Start, text, time::WallClock};
use crate::{
    model::{
        observation::Observation,
        segment::{CaptureClock, CaptureTime, Device, Direction},
        time::MonoNs,
        wire::{Sighting, WireSegment},
    },
    packet::{
        build,
        pcapng::{Interface, Packet, PcapngWriter, Section, Statistics},
    },
    tally::{Lost, Tally},
};

mod comment;
#[cfg(test)]
mod tests;

/// What packets passed before they came here, in libpcap's words.
const FILTER: &str = "tcp[tcpflags] & (tcp-fin|tcp-rst) != 0";

/// The interface that stands for the capture as a whole: its counters are not kept by device, and
/// a file without any interface is refused by libpcap.
const WHOLE: Interface<'static> = Interface {
    device: "any",
    direction: Direction::Unknown,
    filter: Some(FILTER),
};

/// Addresses named at most.
const NAMES: usize = 4_096;

/// Writes pcapng.
pub(super) struct Pcapng {
    clock: WallClock,
    /// Whether comments explain endings.
    explain: bool,
    /// What is being written; `None` before the section has begun.
    file: Option<File>,
}

/// One section.
struct File {
    /// What was put together and is not yet in the output.
    writer: PcapngWriter<Vec<u8>>,
    /// When it began, nanoseconds since 1970.
    began_ns: Option<i64>,
    /// Packets of each interface, by its number.
    packets: Vec<u64>,
    named: HashSet<IpAddr>,
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
    fn clock(&mut self, clock: WallClock) {
        self.clock = clock;
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
        let of_ending = comment::of_ending(explained, explain);
        for (segment, (sighting, again)) in told {
            let own = comment::of_packet(explained.ending, segment, sighting, again);
            let comments = of_ending.iter().chain([&own]).map(String::as_str);
            let at_ns = match sighting.captured {
                Some(CaptureTime {
                    clock: CaptureClock::Realtime,
                    ns,
                }) => ns,
                Some(_) | None => {
                    i64::try_from(clock.utc(sighting.at).as_nanosecond()).unwrap_or(0)
                }
            };
            file.packet(explained, sighting, at_ns, &comments.collect::<Vec<_>>())?;
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

impl File {
    fn begin(section: &Section<'_>, began_ns: Option<i64>) -> io::Result<Self> {
        let mut writer = PcapngWriter::new(Vec::new(), section)?;
        writer.interface(&WHOLE)?;
        Ok(Self {
            writer,
            began_ns,
            packets: vec![0],
            named: HashSet::new(),
        })
    }

    /// Hands whole blocks over.
    fn leave(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let bytes = self.writer.output();
        let written = out.write_all(bytes);
        bytes.clear();
        written
    }

    /// Names what needs no name server: loopback (RFC 6761, section 6.3), and the local end by its
    /// network namespace.
    fn name(&mut self, explained: &Explained<'_>) -> io::Result<()> {
        let flow = &explained.ending.flow;
        for (end, here) in [(flow.local.ip(), true), (flow.remote.ip(), false)] {
            let name = if end.is_loopback() {
                Some("localhost".to_owned())
            } else {
                let name = explained.netns_name.filter(|_| here);
                name.map(ToString::to_string)
            };
            if let Some(name) = name
                && self.named.len() < NAMES
                && self.named.insert(end)
            {
                self.writer.names(&[(end, &name)])?;
            }
        }
        Ok(())
    }

    fn packet(
        &mut self,
        explained: &Explained<'_>,
        sighting: &Sighting,
        at_ns: i64,
        comments: &[&str],
    ) -> io::Result<()> {
        let (bytes, original_bytes) = build::packet(&sighting.headers);
        let owner = explained.ending.owner.map(|owner| owner.task);
        let interface = self.interface(sighting, explained.devices)?;
        self.writer.packet(&Packet {
            interface,
            at_ns,
            direction: sighting.direction,
            vlan: sighting.vlan,
            bytes: &bytes,
            original_bytes,
            process: owner.map(|task| (task.pid, task.tid)),
            comments,
        })?;
        let count = usize::try_from(interface).ok();
        if let Some(count) = count.and_then(|number| self.packets.get_mut(number)) {
            *count += 1;
        }
        Ok(())
    }

    fn interface(&mut self, sighting: &Sighting, devices: &Devices) -> io::Result<u32> {
        let device = match sighting.device {
            Device::Index(index) => devices
                .get(&index)
                .map_or_else(|| format!("if{index}"), ToString::to_string),
            Device::Interface(number) => format!("interface {number}"),
        };
        let interface = Interface {
            device: &device,
            direction: sighting.direction,
            filter: Some(FILTER),
        };
        let number = self.writer.interface(&interface)?;
        if usize::try_from(number) == Ok(self.packets.len()) {
            self.packets.push(0);
        }
        Ok(number)
    }

    /// What was captured and lost, and what is in the file.
    fn statistics(&mut self, tally: &Tally, at_ns: i64) -> io::Result<()> {
        let mut account = Vec::new();
        text::account(tally, &mut account)?;
        let account = String::from_utf8_lossy(account.trim_ascii_end()).into_owned();
        for (number, &packets) in (0..).zip(&self.packets) {
            let own = Statistics {
                start_ns: self.began_ns,
                end_ns: Some(at_ns),
                delivered: Some(packets),
                ..Statistics::default()
            };
            let captured = tally.captured.filter(|_| number == 0);
            let seen = Statistics {
                comment: (number == 0).then_some(&account),
                accepted: captured.map(|it| it.frames),
                dropped: captured.map(|it| it.dropped),
                ..own
            };
            self.writer.statistics(number, at_ns, &seen)?;
        }
        Ok(())
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
