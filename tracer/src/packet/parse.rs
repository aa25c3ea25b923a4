//! The TCP segment in the bytes of a frame; total and pure.
//!
//! Only headers are read. A frame that was cut after them is as good as a whole one.

mod ip;
mod link;
mod rest;
mod tcp;

use super::link::Link;
use crate::model::segment::{Direction, Headers};
use rest::Rest;

pub(super) use link::untag;

/// What a frame says of the segment in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The headers of the segment.
    pub headers: Headers,
    /// Outermost VLAN identifier; `None` without a tag.
    pub vlan: Option<u16>,
    /// Which way it went, where the link header says so.
    pub direction: Direction,
    /// The kernel's index of the device, where the link header says so.
    pub device: Option<u32>,
}

/// Why there is no segment in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotSegment {
    /// It carries something else than IP.
    #[error("not IP")]
    NotIp,
    /// It carries IP with something else than TCP in it, or TCP that cannot be reached (ESP).
    #[error("not TCP")]
    NotTcp,
    /// It is a part of a TCP segment, other than the first, which has the header.
    #[error("a fragment other than the first")]
    Fragment,
    /// The capture cut it before the end of the headers.
    #[error("cut before the end of its headers")]
    Truncated,
    /// Its headers contradict each other.
    #[error("malformed headers")]
    Malformed,
    /// It begins with something finrst does not know.
    #[error("unknown link type")]
    UnknownLinkType,
}

/// How many frames had no segment in them, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotSegments {
    /// See [`NotSegment::NotIp`].
    pub not_ip: u64,
    /// See [`NotSegment::NotTcp`].
    pub not_tcp: u64,
    /// See [`NotSegment::Fragment`].
    pub fragments: u64,
    /// See [`NotSegment::Truncated`].
    pub truncated: u64,
    /// See [`NotSegment::Malformed`].
    pub malformed: u64,
    /// See [`NotSegment::UnknownLinkType`].
    pub unknown_link_type: u64,
}

impl NotSegments {
    /// Counts one more.
    pub const fn count(&mut self, reason: NotSegment) {
        let counter = match reason {
            NotSegment::NotIp => &mut self.not_ip,
            NotSegment::NotTcp => &mut self.not_tcp,
            NotSegment::Fragment => &mut self.fragments,
            NotSegment::Truncated => &mut self.truncated,
            NotSegment::Malformed => &mut self.malformed,
            NotSegment::UnknownLinkType => &mut self.unknown_link_type,
        };
        *counter = counter.saturating_add(1);
    }
}

/// Reads the segment in a frame of which `bytes` were captured of `original_bytes`.
///
/// # Errors
///
/// Why there is none.
pub fn frame(link: Link, bytes: &[u8], original_bytes: u32) -> Result<Found, NotSegment> {
    let inside = link::open(link, Rest::of(bytes, original_bytes))?;
    Ok(Found {
        headers: ip::segment(inside.version, inside.packet)?,
        vlan: inside.vlan,
        direction: inside.direction,
        device: inside.device,
    })
}

#[cfg(test)]
pub(super) mod tests;
