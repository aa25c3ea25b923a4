//! The TCP header and its timestamps option (RFC 9293, RFC 7323).

use std::net::{IpAddr, SocketAddr};

use super::{NotSegment, Rest};
use crate::model::{
    observation::SegmentFlags,
    segment::{Headers, Timestamps},
};

/// Kinds of options that have no length.
const END_OF_OPTIONS: u8 = 0;
const NO_OPERATION: u8 = 1;
/// The timestamps option.
const TIMESTAMPS: u8 = 8;

/// What the header at the start of `segment` says.
pub(super) fn headers(
    source: IpAddr,
    destination: IpAddr,
    segment: Rest<'_>,
) -> Result<Headers, NotSegment> {
    let (ports, rest) = segment.take::<4>()?;
    let (seq, rest) = rest.take::<4>()?;
    let (ack, rest) = rest.take::<4>()?;
    let (&[offset, flags, w0, w1, _, _, _, _], rest) = rest.take::<8>()?;
    let header_bytes = usize::from(offset >> 4) * 4;
    let (Some(option_bytes), Some(payload)) = (
        header_bytes.checked_sub(20),
        segment.promised().checked_sub(header_bytes),
    ) else {
        return Err(NotSegment::Malformed);
    };
    let [s0, s1, d0, d1] = *ports;
    Ok(Headers {
        source: SocketAddr::new(source, u16::from_be_bytes([s0, s1])),
        destination: SocketAddr::new(destination, u16::from_be_bytes([d0, d1])),
        seq: u32::from_be_bytes(*seq),
        ack: u32::from_be_bytes(*ack),
        flags: SegmentFlags(flags),
        payload_bytes: u32::try_from(payload).unwrap_or(u32::MAX),
        window: u16::from_be_bytes([w0, w1]),
        timestamps: timestamps(rest.promising(option_bytes).captured()),
    })
}

/// The timestamps among options; nonsense among them ends the search, as it does in the kernel.
fn timestamps(mut options: &[u8]) -> Option<Timestamps> {
    loop {
        let (&kind, rest) = options.split_first()?;
        match kind {
            END_OF_OPTIONS => return None,
            NO_OPERATION => options = rest,
            _ => {
                let (&length, value) = rest.split_first()?;
                let value_bytes = usize::from(length).checked_sub(2)?;
                let (value, following) = value.split_at_checked(value_bytes)?;
                if let (TIMESTAMPS, &[v0, v1, v2, v3, e0, e1, e2, e3]) = (kind, value) {
                    return Some(Timestamps {
                        value: u32::from_be_bytes([v0, v1, v2, v3]),
                        echo: u32::from_be_bytes([e0, e1, e2, e3]),
                    });
                }
                options = following;
            }
        }
    }
}
