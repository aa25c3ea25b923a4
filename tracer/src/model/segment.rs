//! A TCP segment as it was seen on a device or in a capture file.
//!
//! Values only: how they are read from bytes is known to `packet`.

use std::{net::SocketAddr, num::NonZeroU64};

use super::{flow::Flow, foreign::Foreign, observation::SegmentFlags};

/// One sighting of a segment.
///
/// A segment is seen once for every device it crosses, and twice on `lo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When, by the clock of whoever captured it; `None` from a file that did not keep it.
    pub at: Option<CaptureTime>,
    /// Where.
    pub device: Device,
    /// Which way it passed the device.
    pub direction: Direction,
    /// Outermost VLAN identifier; `None` when it carried no tag.
    pub vlan: Option<u16>,
    /// What its headers say.
    pub headers: Headers,
}

/// What the headers of a segment say; checksums are not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers {
    /// Who sent it.
    pub source: SocketAddr,
    /// Who it is for.
    pub destination: SocketAddr,
    /// Sequence number of its first byte, or of its SYN or FIN when it has no bytes.
    pub seq: u32,
    /// Acknowledgement number; meaningless without the ACK flag.
    pub ack: u32,
    /// Flag bits.
    pub flags: SegmentFlags,
    /// Bytes of payload by the IP header, captured or not; more than a packet carries when the
    /// capture was made before segmentation (TSO) or after reassembly (GRO).
    pub payload_bytes: u32,
    /// Window as on the wire, without the scale.
    pub window: u16,
    /// TCP timestamps; `None` when it carried none or they were not captured.
    pub timestamps: Option<Timestamps>,
}

impl Headers {
    /// The sequence number after this segment: payload, SYN and FIN each count.
    #[must_use]
    pub const fn next_seq(&self) -> u32 {
        let mut next = self.seq.wrapping_add(self.payload_bytes);
        if self.flags.has(SegmentFlags::SYN) {
            next = next.wrapping_add(1);
        }
        if self.flags.has(SegmentFlags::FIN) {
            next = next.wrapping_add(1);
        }
        next
    }
}

/// The TCP timestamps option (RFC 7323, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamps {
    /// `TSval`: the sender's clock.
    pub value: u32,
    /// `TSecr`: the clock value it echoes; meaningless without the ACK flag.
    pub echo: u32,
}

/// A moment by the clock of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CaptureTime {
    /// Which clock.
    pub clock: CaptureClock,
    /// Nanoseconds since 1970; negative before.
    pub ns: i64,
}

/// Whose clock stamped a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CaptureClock {
    /// `CLOCK_REALTIME` of this machine, now.
    Realtime,
    /// The clock of the machine a file was captured on, whichever that was.
    File,
}

/// The device a segment was seen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Device {
    /// The kernel's index of the device, unique in its network namespace.
    Index(u32),
    /// The number of the interface in a capture file, counted over all its sections from zero.
    Interface(u32),
}

/// Which way a segment passed a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Out of the machine or namespace that captured.
    Transmitted,
    /// Into it.
    Received,
    /// The capture does not say.
    Unknown,
}

/// A FIN, RST or SYN that a hook saw pass a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Both ends as the device's namespace sees them: the sender is local where it was transmitted.
    pub flow: Flow,
    /// Cookie of the socket that sent it; `None` when it came in or no connection's socket did.
    pub cookie: Option<NonZeroU64>,
    /// Index of the device in the namespace of the flow.
    pub device: u32,
    /// Name of the device; `None` when the hook could not read it.
    pub name: Option<Foreign>,
    /// Which way it passed.
    pub direction: Direction,
    /// Outermost VLAN identifier; `None` without a tag, and where the kernel does not tell.
    pub vlan: Option<u16>,
    /// Sequence number of its first byte, or of its FIN when it has no bytes.
    pub seq: u32,
    /// Acknowledgement number; meaningless without the ACK flag.
    pub ack: u32,
    /// Flag bits.
    pub flags: SegmentFlags,
    /// Bytes of payload, of all segments it stands for.
    pub payload_bytes: u32,
    /// Window as on the wire, without the scale.
    pub window: u16,
}

impl Passed {
    /// The segment as captures tell of one; when it passed is the hook's to say.
    #[must_use]
    pub const fn seen(&self) -> Seen {
        let (source, destination) = match self.direction {
            Direction::Received => (self.flow.remote, self.flow.local),
            Direction::Transmitted | Direction::Unknown => (self.flow.local, self.flow.remote),
        };
        Seen {
            at: None,
            device: Device::Index(self.device),
            direction: self.direction,
            vlan: self.vlan,
            headers: Headers {
                source,
                destination,
                seq: self.seq,
                ack: self.ack,
                flags: self.flags,
                payload_bytes: self.payload_bytes,
                window: self.window,
                timestamps: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syn_and_fin_take_a_sequence_number_each_and_numbers_wrap() {
        let mut headers = Headers {
            source: "127.0.0.1:1".parse().unwrap(),
            destination: "127.0.0.1:2".parse().unwrap(),
            seq: u32::MAX,
            ack: 0,
            flags: SegmentFlags(SegmentFlags::FIN | SegmentFlags::ACK),
            payload_bytes: 10,
            window: 0,
            timestamps: None,
        };
        assert_eq!(headers.next_seq(), 10);
        headers.flags = SegmentFlags(SegmentFlags::RST);
        assert_eq!(headers.next_seq(), 9);
    }
}
