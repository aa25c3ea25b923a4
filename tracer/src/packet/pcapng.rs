//! Writes pcapng that tcpdump, tshark and Wireshark open, with nanoseconds and comments.
//!
//! Decides nothing about what is written; the layout is that of draft-ietf-opsawg-pcapng.
//!
//! Packets are written as cooked ones (`Link::Sll`): of raw ones, libpcap 1.10 refuses files with
//! more than one interface, because it compares numbers of two registries.

mod block;
mod cooked;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    net::IpAddr,
};

use super::link::Link;
use crate::model::segment::Direction;
use block::Block;

/// A pcapng file, or stream, being written: one section, little-endian.
pub struct PcapngWriter<W> {
    out: W,
    interfaces: BTreeMap<(String, Direction), u32>,
    block: Block,
}

/// What a section says of itself; `None` leaves a part out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Section<'a> {
    /// Anything to be said of the whole.
    pub comment: Option<&'a str>,
    /// The machine that captured.
    pub hardware: Option<&'a str>,
    /// The operating system that captured.
    pub system: Option<&'a str>,
    /// The program that wrote it.
    pub application: Option<&'a str>,
}

/// An interface: one for each device and direction.
#[derive(Clone, Copy, Debug)]
pub struct Interface<'a> {
    /// Name of the device.
    pub device: &'a str,
    /// Which way its packets go.
    pub direction: Direction,
    /// The filter they passed, in libpcap's words; `None` leaves it out.
    pub filter: Option<&'a str>,
}

/// A packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Interface, as [`PcapngWriter::interface`] numbered it.
    pub interface: u32,
    /// Nanoseconds since 1970; before that there is no time in pcapng, and 1970 is written.
    pub at_ns: i64,
    /// Which way it went.
    pub direction: Direction,
    /// VLAN identifier; `None` without a tag.
    pub vlan: Option<u16>,
    /// The first bytes of it, from the IP header on.
    pub bytes: &'a [u8],
    /// Bytes it had on the wire, likewise.
    pub original_bytes: u32,
    /// Process and thread it is due to; `None` leaves them out.
    pub process: Option<(u32, u32)>,
    /// What is to be said of it; each is a comment of its own, of 65,535 bytes at most.
    pub comments: &'a [&'a str],
}

/// What an interface has seen by the end; `None` leaves a number out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Statistics<'a> {
    /// Anything to be said of it.
    pub comment: Option<&'a str>,
    /// When the capture began, nanoseconds since 1970.
    pub start_ns: Option<i64>,
    /// When it ended, likewise.
    pub end_ns: Option<i64>,
    /// Packets that passed the filter.
    pub accepted: Option<u64>,
    /// Of these, packets the kernel had no room for.
    pub dropped: Option<u64>,
    /// Packets handed to the program.
    pub delivered: Option<u64>,
}

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const NAME_RESOLUTION: u32 = 4;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const COMMENT: u16 = 1;
const SHB_HARDWARE: u16 = 2;
const SHB_OS: u16 = 3;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const IF_FILTER: u16 = 11;
const EPB_FLAGS: u16 = 2;
const EPB_PROCESS_THREAD: u16 = 8;
const ISB_STARTTIME: u16 = 2;
const ISB_ENDTIME: u16 = 3;
const ISB_FILTERACCEPT: u16 = 6;
const ISB_OSDROP: u16 = 7;
const ISB_USRDELIV: u16 = 8;

/// Interfaces described at most: devices come and go.
const INTERFACES: usize = 4_096;

/// Ten to the minus ninth of a second.
const NANOSECONDS: u8 = 9;

impl<W: Write> PcapngWriter<W> {
    /// Begins the section.
    ///
    /// # Errors
    ///
    /// `out` cannot be written.
    pub fn new(out: W, section: &Section<'_>) -> io::Result<Self> {
        let mut it = Self {
            out,
            interfaces: BTreeMap::new(),
            block: Block::default(),
        };
        it.block.start(SECTION_HEADER);
        it.block.u32(0x1a2b_3c4d);
        it.block.u16(1);
        it.block.u16(0);
        // Its length is not known beforehand.
        it.block.u64(u64::MAX);
        it.block.text(COMMENT, section.comment);
        it.block.text(SHB_HARDWARE, section.hardware);
        it.block.text(SHB_OS, section.system);
        it.block.text(SHB_USERAPPL, section.application);
        it.finish()?;
        Ok(it)
    }

    /// The number of an interface, described in the file when first asked for; where there are
    /// 4,096 already, that of the first.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub fn interface(&mut self, interface: &Interface<'_>) -> io::Result<u32> {
        let key = (interface.device.to_owned(), interface.direction);
        if let Some(number) = self.interfaces.get(&key) {
            return Ok(*number);
        }
        if self.interfaces.len() >= INTERFACES {
            return Ok(0);
        }
        let number = u32::try_from(self.interfaces.len()).map_err(io::Error::other)?;
        self.block.start(INTERFACE);
        self.block.u16(Link::Sll.number());
        self.block.u16(0);
        // No limit.
        self.block.u32(0);
        self.block.text(IF_NAME, Some(interface.device));
        let way = match interface.direction {
            Direction::Transmitted => Some("transmitted"),
            Direction::Received => Some("received"),
            Direction::Unknown => None,
        };
        self.block.text(IF_DESCRIPTION, way);
        self.block.option(IF_TSRESOL, &[NANOSECONDS]);
        if let Some(filter) = interface.filter {
            // Zero before it: a filter in words, not in instructions.
            let filter: Vec<u8> = [&[0], filter.as_bytes()].concat();
            self.block.option(IF_FILTER, &filter);
        }
        self.finish()?;
        self.interfaces.insert(key, number);
        Ok(number)
    }

    /// Writes a packet.
    ///
    /// # Errors
    ///
    /// The output cannot be written, or there is no such interface.
    pub fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        self.known(packet.interface)?;
        let bytes = cooked::cooked(packet);
        let captured = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let added = bytes.len().saturating_sub(packet.bytes.len());
        let added = u32::try_from(added).map_err(io::Error::other)?;
        let original = packet.original_bytes.saturating_add(added);
        self.block.start(ENHANCED_PACKET);
        self.block.u32(packet.interface);
        self.block.time(packet.at_ns);
        self.block.u32(captured);
        self.block.u32(original.max(captured));
        self.block.padded(&bytes);
        for comment in packet.comments {
            self.block.text(COMMENT, Some(comment));
        }
        let flags: u32 = match packet.direction {
            Direction::Received => 1,
            Direction::Transmitted => 2,
            Direction::Unknown => 0,
        };
        self.block.option(EPB_FLAGS, &flags.to_le_bytes());
        if let Some((process, thread)) = packet.process {
            let [process, thread] = [process, thread].map(u32::to_le_bytes);
            self.block
                .option(EPB_PROCESS_THREAD, &[process, thread].concat());
        }
        self.finish()
    }

    /// Writes the names of addresses.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub fn names(&mut self, names: &[(IpAddr, &str)]) -> io::Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        self.block.start(NAME_RESOLUTION);
        for (address, name) in names {
            let (kind, mut record) = match address {
                IpAddr::V4(address) => (1, address.octets().to_vec()),
                IpAddr::V6(address) => (2, address.octets().to_vec()),
            };
            // Names end with a zero byte and so cannot have one; 255 is DNS's limit.
            let name = block::beginning(name, 255);
            record.extend(name.bytes().filter(|&byte| byte != 0));
            record.push(0);
            self.block.entry(kind, &record);
        }
        self.block.u32(0);
        self.finish()
    }

    /// Writes what an interface has seen.
    ///
    /// # Errors
    ///
    /// The output cannot be written, or there is no such interface.
    pub fn statistics(
        &mut self,
        interface: u32,
        at_ns: i64,
        seen: &Statistics<'_>,
    ) -> io::Result<()> {
        self.known(interface)?;
        self.block.start(INTERFACE_STATISTICS);
        self.block.u32(interface);
        self.block.time(at_ns);
        self.block.text(COMMENT, seen.comment);
        for (code, at) in [(ISB_STARTTIME, seen.start_ns), (ISB_ENDTIME, seen.end_ns)] {
            if let Some(at) = at {
                self.block.option(code, &block::time(at));
            }
        }
        for (code, count) in [
            (ISB_FILTERACCEPT, seen.accepted),
            (ISB_OSDROP, seen.dropped),
            (ISB_USRDELIV, seen.delivered),
        ] {
            if let Some(count) = count {
                self.block.option(code, &count.to_le_bytes());
            }
        }
        self.finish()
    }

    /// The output, into which whole blocks were written.
    pub const fn output(&mut self) -> &mut W {
        &mut self.out
    }

    /// The output, with every block written whole.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn known(&self, interface: u32) -> io::Result<()> {
        if usize::try_from(interface).is_ok_and(|number| number < self.interfaces.len()) {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("there is no interface {interface} in the section"),
        ))
    }

    fn finish(&mut self) -> io::Result<()> {
        let bytes = self.block.end()?;
        self.out.write_all(bytes)
    }
}

#[cfg(test)]
mod tests;
