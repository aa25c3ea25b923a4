//! One captured frame, and the segment in it.

use super::{
    link::Link,
    parse::{self, NotSegment},
};
use crate::model::segment::{CaptureTime, Device, Direction, Seen};

/// One frame as a device or a capture file gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// When it was captured; `None` for the simple packets of pcapng, which have no time.
    pub at: Option<CaptureTime>,
    /// Where, as the capture says; the frame itself may know better (see [`Frame::segment`]).
    pub device: Device,
    /// Which way it went, as the capture says; likewise.
    pub direction: Direction,
    /// A VLAN identifier that travels beside the bytes; `None` when there is none.
    pub vlan: Option<u16>,
    /// What the bytes begin with.
    pub link: Link,
    /// The bytes that were captured.
    pub bytes: &'a [u8],
    /// Bytes the frame had on the wire, never fewer than were captured.
    pub original_bytes: u32,
}

impl Frame<'_> {
    /// The TCP segment in the frame.
    ///
    /// A cooked frame says itself which way it went, and on which device: that goes before what
    /// the capture says of it.
    ///
    /// # Errors
    ///
    /// Why there is none: the caller counts it and goes on.
    pub fn segment(&self) -> Result<Seen, NotSegment> {
        let found = parse::frame(self.link, self.bytes, self.original_bytes)?;
        Ok(Seen {
            at: self.at,
            device: found.device.map_or(self.device, Device::Index),
            direction: match found.direction {
                Direction::Unknown => self.direction,
                known @ (Direction::Transmitted | Direction::Received) => known,
            },
            vlan: self.vlan.or(found.vlan),
            headers: found.headers,
        })
    }
}
