//! The segments of an ending, as they were seen on the wire.

use std::net::SocketAddr;

use super::{
    observation::SegmentFlags,
    segment::{CaptureTime, Device, Direction, Headers},
    time::MonoNs,
};

/// One FIN or RST of an ending, however often and wherever it was seen; of a connection that never
/// came to be, also its SYNs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireSegment {
    /// Whether this end sent it.
    pub sent: bool,
    /// Flag bits.
    pub flags: SegmentFlags,
    /// Sequence number of its first byte, or of the FIN when it has none.
    pub seq: u32,
    /// Acknowledgement number; meaningless without the ACK flag.
    pub ack: u32,
    /// Bytes of payload.
    pub payload_bytes: u32,
    /// When the kernel acted: queued the FIN, sent the RST, or took either in. `None` when no act
    /// of the ending fits.
    pub kernel: Option<MonoNs>,
    /// What its delay counts from; `None` without an act, and where nothing is known that the kernel
    /// did before the segment left.
    pub counted_from: Option<CountedFrom>,
    /// Where and when it was seen, in the order of time; at least one.
    pub sightings: Vec<Sighting>,
    /// How often it was seen again on the device it was seen on first.
    pub retransmits: u32,
    /// What was seen where it had been seen already: every retransmission on every device.
    pub again: Vec<Sighting>,
}

/// One sighting of a segment on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// When, on the hooks' clock.
    pub at: MonoNs,
    /// How far that may be off, in nanoseconds; `None` when it is not known.
    pub error_ns: Option<u64>,
    /// When, on the clock of the capture; `None` where it has no other than the hooks'.
    pub captured: Option<CaptureTime>,
    /// The network namespace, by its inode number; `None` when it is not known.
    pub netns: Option<u32>,
    /// Who sent it and who it was for there, where that is not what the socket says: its addresses
    /// are translated on the way.
    pub tuple: Option<(SocketAddr, SocketAddr)>,
    /// The device.
    pub device: Device,
    /// Which way it passed.
    pub direction: Direction,
    /// Outermost VLAN identifier; `None` without a tag.
    pub vlan: Option<u16>,
    /// Its headers as they were there: addresses may be others on another device.
    pub headers: Headers,
}

/// How far the clocks of hooks and capture are apart at most where nobody knows, in nanoseconds.
const UNSURE_NS: u64 = 1_000_000;

impl Sighting {
    /// Whether it may have been at a moment or later, within its error, or within [`UNSURE_NS`] where
    /// that is not known.
    #[must_use]
    pub fn may_be_since(&self, moment: MonoNs) -> bool {
        self.at.after(self.error_ns.unwrap_or(UNSURE_NS)) >= moment
    }
}

impl WireSegment {
    /// How far [`delay_ns`](Self::delay_ns) may be off, in nanoseconds; `None` when it is not known.
    #[must_use]
    pub fn error_ns(&self) -> Option<u64> {
        self.sightings.first()?.error_ns
    }

    /// Nanoseconds from what it counts from to the first sighting: zero for what was sent and seen
    /// earlier within the error of the clocks, negative for what came in, which is seen before the
    /// kernel takes it.
    #[must_use]
    pub fn delay_ns(&self) -> Option<i64> {
        self.delay_to(self.sightings.first()?)
    }

    /// Likewise to a sighting of it.
    #[must_use]
    pub fn delay_to(&self, sighting: &Sighting) -> Option<i64> {
        let (seen, from) = (sighting.at.0, self.counted_from?.at().0);
        let delay = i64::try_from(i128::from(seen) - i128::from(from)).ok()?;
        Some(if self.sent { delay.max(0) } else { delay })
    }
}

/// What the delay of a segment counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedFrom {
    /// The act.
    Act(MonoNs),
    /// The transition to `CLOSE` right before an RST: the hook of the act ran when the RST had left
    /// (`trace_tcp_send_reset` in `tcp_send_active_reset`, `net/ipv4/tcp_output.c`).
    Closing(MonoNs),
}

impl CountedFrom {
    /// When that was.
    #[must_use]
    pub const fn at(self) -> MonoNs {
        match self {
            Self::Act(at) | Self::Closing(at) => at,
        }
    }

    /// Its name in output.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Act(_) => "act",
            Self::Closing(_) => "closing",
        }
    }
}
