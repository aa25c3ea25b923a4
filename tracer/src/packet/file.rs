//! Capture files: pcap and pcapng, of either byte order, read as a stream.
//!
//! A file that was cut gives everything before the cut; nothing is guessed behind damage.

mod error;
mod input;
mod numbers;
mod options;
mod pcap;
mod pcapng;

use std::{io::Read, ops::Range};

use super::{frame::Frame, link::Link};
use crate::model::segment::{CaptureClock, CaptureTime, Device, Direction};
use input::Input;
use numbers::Ticks;

pub use error::{Damage, FileError};

/// Interfaces a file may describe: each costs memory until the end.
const INTERFACES: usize = 65_536;

/// A capture file being read.
pub struct CaptureFile<R> {
    input: Input<R>,
    format: Format,
    interfaces: Vec<Interface>,
    cut: Option<u64>,
    skipped: u64,
    done: bool,
}

/// An interface a file describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name; `None` when the file gives none, as pcap never does.
    pub name: Option<String>,
    /// What its frames begin with.
    pub link: Link,
    /// Bytes captured of a frame at most; zero for no limit.
    pub limit_bytes: u32,
    /// The ticks of its time stamps.
    ticks: Ticks,
}

enum Format {
    Pcap(pcap::Layout),
    Pcapng(pcapng::Section),
}

/// A packet found in the buffer of the input.
struct Located {
    interface: usize,
    /// Ticks of the interface's clock; `None` when the file keeps no time.
    ticks: Option<u64>,
    direction: Direction,
    bytes: Range<usize>,
    original_bytes: u32,
}

/// One step through a file.
enum Step {
    /// A packet, in the buffer.
    Packet(Located),
    /// Something else, dealt with.
    Other,
    /// Nothing follows.
    End,
}

impl Interface {
    /// Nanoseconds its time stamps are rounded down to; one when they are finer.
    #[must_use]
    pub fn resolution_ns(&self) -> u64 {
        let ns = 1_000_000_000_u128.div_ceil(self.ticks.per_second().max(1));
        u64::try_from(ns).unwrap_or(u64::MAX)
    }
}

impl<R: Read> CaptureFile<R> {
    /// Reads the beginning of a file; `reader` needs no buffer of its own.
    ///
    /// # Errors
    ///
    /// It is no capture file, or cannot be read.
    pub fn open(reader: R) -> Result<Self, FileError> {
        let (mut input, magic) = Input::open(reader)?;
        let mut interfaces = Vec::new();
        let format = if magic == pcapng::SECTION_HEADER {
            Format::Pcapng(pcapng::Section::default())
        } else {
            let (layout, interface) = pcap::open(&mut input, magic)?;
            interfaces.push(interface);
            Format::Pcap(layout)
        };
        Ok(Self {
            input,
            format,
            interfaces,
            cut: None,
            skipped: 0,
            done: false,
        })
    }

    /// The next frame; `None` at the end of the file, or where it was cut (see [`Self::cut`]).
    ///
    /// # Errors
    ///
    /// The file is damaged or cannot be read; nothing more comes after that.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, FileError> {
        let located = loop {
            if self.done {
                return Ok(None);
            }
            let start = self.input.offset();
            match self.step() {
                Ok(Step::Packet(located)) => break located,
                Ok(Step::Other) => {}
                Ok(Step::End) => self.done = true,
                Err(error) => {
                    self.done = true;
                    if !matches!(error, FileError::Cut { .. }) {
                        return Err(error);
                    }
                    self.cut = Some(start);
                }
            }
        };
        Ok(self.frame(&located))
    }

    fn step(&mut self) -> Result<Step, FileError> {
        match &mut self.format {
            Format::Pcap(layout) => pcap::step(&mut self.input, *layout),
            Format::Pcapng(section) => {
                let step = pcapng::step(&mut self.input, section, &mut self.interfaces)?;
                if matches!(step, pcapng::Block::Skipped) {
                    self.skipped = self.skipped.saturating_add(1);
                }
                Ok(step.into())
            }
        }
    }

    fn frame(&self, located: &Located) -> Option<Frame<'_>> {
        let interface = self.interfaces.get(located.interface)?;
        let bytes = self.input.buffer().get(located.bytes.clone())?;
        Some(Frame {
            at: located.ticks.map(|ticks| CaptureTime {
                clock: CaptureClock::File,
                ns: interface.ticks.ns(ticks),
            }),
            device: Device::Interface(u32::try_from(located.interface).unwrap_or(u32::MAX)),
            direction: located.direction,
            vlan: None,
            link: interface.link,
            bytes,
            original_bytes: located
                .original_bytes
                .max(u32::try_from(bytes.len()).unwrap_or(u32::MAX)),
        })
    }

    /// The interfaces described so far, over all sections: `Device::Interface` counts in these.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Where the record starts that is not whole; `None` when the file ends with a whole one.
    #[must_use]
    pub const fn cut(&self) -> Option<u64> {
        self.cut
    }

    /// Blocks that are neither packets nor about interfaces, and were not looked into.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }
}

#[cfg(test)]
mod tests;
