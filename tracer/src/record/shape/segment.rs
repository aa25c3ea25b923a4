//! What a capture saw.

use std::{borrow::Cow, net::SocketAddr};

use serde::{Deserialize, Serialize};

use super::{Bytes, Unknown};
use crate::{
    model::{
        clock::Timed,
        foreign::Foreign,
        observation::SegmentFlags,
        segment::{self, CaptureClock, CaptureTime, Direction, Headers, Seen, Timestamps},
        stray::Tuple,
        time::MonoNs,
    },
    record::Entry,
};

/// A device and its name.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::record) struct Device<'a> {
    #[serde(default)]
    netns: Option<u32>,
    index: u32,
    name: Bytes<'a>,
}

impl<'a> Device<'a> {
    pub(in crate::record) fn new(netns: Option<u32>, index: u32, name: &'a Foreign) -> Self {
        Self {
            netns,
            index,
            name: name.into(),
        }
    }

    pub(in crate::record) fn entry(&self) -> Result<Entry<'static>, Unknown> {
        Ok(Entry::Device {
            netns: self.netns,
            index: self.index,
            name: self.name.foreign()?,
        })
    }
}

/// A translation of addresses.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::record) struct Translated {
    netns: u32,
    before: Tuple,
    after: Tuple,
}

impl Translated {
    pub(in crate::record) const fn new(netns: u32, before: Tuple, after: Tuple) -> Self {
        Self {
            netns,
            before,
            after,
        }
    }

    pub(in crate::record) const fn entry(&self) -> Entry<'static> {
        Entry::Translated {
            netns: self.netns,
            before: self.before,
            after: self.after,
        }
    }
}

/// A segment, where and when.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::record) struct Sighted<'a> {
    at_ns: u64,
    #[serde(default)]
    error_ns: Option<u64>,
    netns: Option<u32>,
    /// By the capture's clock: its name and nanoseconds since 1970.
    captured: Option<(Cow<'a, str>, i64)>,
    /// `index` of a device or `interface` of a file, and its number.
    device: (Cow<'a, str>, u32),
    direction: Cow<'a, str>,
    vlan: Option<u16>,
    source: SocketAddr,
    destination: SocketAddr,
    seq: u32,
    ack: u32,
    flags: u8,
    payload_bytes: u32,
    window: u16,
    /// The sender's clock and the one it echoes.
    timestamps: Option<(u32, u32)>,
}

impl Sighted<'_> {
    pub(in crate::record) fn new(time: Timed, netns: Option<u32>, seen: &Seen) -> Self {
        let Seen {
            at: captured,
            device,
            direction,
            vlan,
            headers,
        } = *seen;
        let Headers {
            source,
            destination,
            seq,
            ack,
            flags,
            payload_bytes,
            window,
            timestamps,
        } = headers;
        Self {
            at_ns: time.at.0,
            error_ns: time.error_ns,
            netns,
            captured: captured.map(|it| (clock(it.clock).into(), it.ns)),
            device: match device {
                segment::Device::Index(number) => ("index".into(), number),
                segment::Device::Interface(number) => ("interface".into(), number),
            },
            direction: word(direction).into(),
            vlan,
            source,
            destination,
            seq,
            ack,
            flags: flags.0,
            payload_bytes,
            window,
            timestamps: timestamps.map(|it| (it.value, it.echo)),
        }
    }

    pub(in crate::record) fn entry(&self) -> Result<Entry<'static>, Unknown> {
        let headers = Headers {
            source: self.source,
            destination: self.destination,
            seq: self.seq,
            ack: self.ack,
            flags: SegmentFlags(self.flags),
            payload_bytes: self.payload_bytes,
            window: self.window,
            timestamps: self
                .timestamps
                .map(|(value, echo)| Timestamps { value, echo }),
        };
        let time = |(name, ns): &(Cow<'_, str>, i64)| {
            let mut clocks = [CaptureClock::Realtime, CaptureClock::File].into_iter();
            let clock = clocks.find(|&it| clock(it) == name);
            let clock = clock.ok_or_else(|| Unknown::new("clock", name))?;
            Ok(CaptureTime { clock, ns: *ns })
        };
        let (kind, number) = &self.device;
        let device = match &**kind {
            "index" => segment::Device::Index(*number),
            "interface" => segment::Device::Interface(*number),
            _ => return Err(Unknown::new("device", kind)),
        };
        let directions = [
            Direction::Transmitted,
            Direction::Received,
            Direction::Unknown,
        ];
        let direction = directions
            .into_iter()
            .find(|&it| word(it) == self.direction)
            .ok_or_else(|| Unknown::new("direction", &self.direction))?;
        Ok(Entry::Sighted {
            at: Timed {
                at: MonoNs(self.at_ns),
                error_ns: self.error_ns,
            },
            netns: self.netns,
            seen: Box::new(Seen {
                at: self.captured.as_ref().map(time).transpose()?,
                device,
                direction,
                vlan: self.vlan,
                headers,
            }),
        })
    }
}

const fn clock(clock: CaptureClock) -> &'static str {
    match clock {
        CaptureClock::Realtime => "realtime",
        CaptureClock::File => "file",
    }
}

const fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Transmitted => "transmitted",
        Direction::Received => "received",
        Direction::Unknown => "unknown",
    }
}
