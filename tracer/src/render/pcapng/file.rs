//! One section of a file: its interfaces, names, packets and counters, as blocks.

use std::{
    collections::HashSet,
    io::{self, Write},
    net::IpAddr,
};

use crate::{
    model::{
        process::Task,
        segment::{Device, Direction},
        wire::Sighting,
    },
    packet::{
        build,
        pcapng::{Interface, Packet, PcapngWriter, Section, Statistics},
    },
    render::{Devices, Explained, text},
    tally::Tally,
};

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

/// One section.
pub(super) struct File {
    /// What was put together and is not yet in the output.
    writer: PcapngWriter<Vec<u8>>,
    /// When it began, nanoseconds since 1970.
    began_ns: Option<i64>,
    /// Packets of each interface, by its number.
    packets: Vec<u64>,
    /// The network namespace of the first packet that has one; devices of others are named with
    /// theirs.
    home: Option<u32>,
    named: HashSet<IpAddr>,
}

impl File {
    pub(super) fn begin(section: &Section<'_>, began_ns: Option<i64>) -> io::Result<Self> {
        let mut writer = PcapngWriter::new(Vec::new(), section)?;
        writer.interface(&WHOLE)?;
        Ok(Self {
            writer,
            began_ns,
            packets: vec![0],
            home: None,
            named: HashSet::new(),
        })
    }

    /// Hands whole blocks over.
    pub(super) fn leave(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let bytes = self.writer.output();
        let written = out.write_all(bytes);
        bytes.clear();
        written
    }

    /// Names what needs no name server: loopback (RFC 6761, section 6.3), and the local end by its
    /// network namespace.
    pub(super) fn name(&mut self, explained: &Explained<'_>) -> io::Result<()> {
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

    pub(super) fn packet(
        &mut self,
        owner: Option<Task>,
        (sighting, at_ns): (&Sighting, i64),
        devices: &Devices,
        comments: &[&str],
    ) -> io::Result<()> {
        let (bytes, original_bytes) = build::packet(&sighting.headers);
        let interface = self.interface(sighting, devices)?;
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
                .of(sighting)
                .map_or_else(|| format!("if{index}"), ToString::to_string),
            Device::Interface(number) => devices
                .of(sighting)
                .map_or_else(|| format!("interface {number}"), ToString::to_string),
        };
        self.home = self.home.or(sighting.netns);
        let device = match sighting.netns.filter(|_| sighting.netns != self.home) {
            Some(netns) => format!("{device}@{netns}"),
            None => device,
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
    pub(super) fn statistics(&mut self, tally: &Tally, at_ns: i64) -> io::Result<()> {
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
