//! The frames in a block of the ring (`include/uapi/linux/if_packet.h`, `TPACKET_V3`).

use std::io;

use super::ring::NUM_PACKETS;
use crate::{
    model::segment::{CaptureClock, CaptureTime, Device, Direction},
    packet::{
        frame::Frame,
        link::Link,
        parse::{self, NotSegment},
    },
};

/// Where `struct tpacket_block_desc` has its numbers.
const FIRST_PACKET: usize = 16;
/// `struct tpacket3_hdr`, and the `struct sockaddr_ll` that follows it.
const HEADER_BYTES: usize = 48;
const ADDRESS_BYTES: usize = 20;

/// `TP_STATUS_VLAN_VALID`: the device took a tag off, and here it is.
const VLAN_VALID: u32 = 1 << 4;
/// `PACKET_OUTGOING`.
const OUTGOING: u8 = 4;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPES_VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];

/// Hands over every frame of a block the kernel filled.
///
/// # Errors
///
/// The block makes no sense from some frame on.
pub(super) fn walk(block: &[u8], take: &mut dyn FnMut(Frame<'_>)) -> io::Result<()> {
    let nonsense = || io::Error::new(io::ErrorKind::InvalidData, "a packet ring without sense");
    let count = u32_at(block, NUM_PACKETS).ok_or_else(nonsense)?;
    let mut at = u32_at(block, FIRST_PACKET).ok_or_else(nonsense)?;
    let mut rest = block;
    for left in (0..count).rev() {
        rest = usize::try_from(at)
            .ok()
            .and_then(|at| rest.get(at..))
            .ok_or_else(nonsense)?;
        let (next, frame) = frame(rest).ok_or_else(nonsense)?;
        take(frame);
        // Every frame is at least a header long, so a block of nonsense ends too.
        if left > 0 && usize::try_from(next).is_ok_and(|next| next < HEADER_BYTES) {
            return Err(nonsense());
        }
        at = next;
    }
    Ok(())
}

/// The frame at the start of `bytes`, and how far from it the next one is.
fn frame(bytes: &[u8]) -> Option<(u32, Frame<'_>)> {
    let next = u32_at(bytes, 0)?;
    let seconds = u32_at(bytes, 4)?;
    let nanoseconds = u32_at(bytes, 8)?;
    let kept = usize::try_from(u32_at(bytes, 12)?).ok()?;
    let original_bytes = u32_at(bytes, 16)?;
    let status = u32_at(bytes, 20)?;
    let start = usize::from(u16_at(bytes, 24)?);
    let tag = u32_at(bytes, 32)?;
    let address = bytes.get(HEADER_BYTES..HEADER_BYTES + ADDRESS_BYTES)?;
    let &[_, _, p0, p1, i0, i1, i2, i3, _, _, kind, ..] = address else {
        return None;
    };
    let packet = bytes.get(start..start.checked_add(kept)?)?;
    let taken_off = u16::try_from(tag & 0x0fff)
        .ok()
        .filter(|_| status & VLAN_VALID != 0);
    let announced = ETHERTYPES_VLAN.contains(&u16::from_be_bytes([p0, p1]));
    let (left_on, packet) = Some(packet)
        .filter(|_| announced || taken_off.is_some())
        .and_then(|packet| behind_tags(packet, original_bytes))
        .map_or((None, packet), |(tag, packet)| (Some(tag), packet));
    let frame = Frame {
        at: Some(CaptureTime {
            clock: CaptureClock::Realtime,
            ns: i64::from(seconds) * 1_000_000_000 + i64::from(nanoseconds),
        }),
        device: Device::Index(u32::from_ne_bytes([i0, i1, i2, i3])),
        direction: if kind == OUTGOING {
            Direction::Transmitted
        } else {
            Direction::Received
        },
        vlan: taken_off.or(left_on),
        link: Link::Raw,
        bytes: packet,
        original_bytes,
    };
    Some((next, frame))
}

/// The IP packet behind tags that are still before it, and the identifier of the first.
///
/// Whether there are any is not told: a packet that leaves may be announced as tagged and not be
/// (see `filter.rs`), and one that arrives with two tags is announced by what is behind both since
/// 6.10, though only the first was taken off. So the reading that makes sense is taken.
fn behind_tags(packet: &[u8], original: u32) -> Option<(u16, &[u8])> {
    let (outermost, mut protocol, mut rest) = parse::untag(packet)?;
    while ETHERTYPES_VLAN.contains(&protocol) {
        (_, protocol, rest) = parse::untag(rest)?;
    }
    let link = match protocol {
        ETHERTYPE_IPV4 => Link::Ipv4,
        ETHERTYPE_IPV6 => Link::Ipv6,
        _ => return None,
    };
    match parse::frame(link, rest, original) {
        Ok(_) | Err(NotSegment::Fragment | NotSegment::Truncated) => Some((outermost, rest)),
        Err(_) => None,
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packet::{build, parse::tests::any_headers};

    /// What the kernel writes of one frame.
    struct Written {
        packet: Vec<u8>,
        protocol: u16,
        kind: u8,
        tag: Option<u32>,
    }

    fn block(frames: &[Written]) -> Vec<u8> {
        let mut block = vec![0; 48];
        block[NUM_PACKETS..16].copy_from_slice(&u32::try_from(frames.len()).unwrap().to_ne_bytes());
        block[FIRST_PACKET..20].copy_from_slice(&48_u32.to_ne_bytes());
        for (number, frame) in frames.iter().enumerate() {
            let start = 80_u16;
            let length = u32::try_from(frame.packet.len()).unwrap();
            let size = (usize::from(start) + frame.packet.len()).next_multiple_of(16);
            let next = if number + 1 == frames.len() {
                0
            } else {
                u32::try_from(size).unwrap()
            };
            let status = 1 | if frame.tag.is_some() { VLAN_VALID } else { 0 };
            let mut bytes = Vec::new();
            for word in [next, 3, 4, length, length + 9, status] {
                bytes.extend(word.to_ne_bytes());
            }
            bytes.extend(start.to_ne_bytes());
            bytes.extend(start.to_ne_bytes());
            bytes.extend([0; 4]);
            bytes.extend(frame.tag.unwrap_or(0).to_ne_bytes());
            bytes.resize(HEADER_BYTES, 0);
            bytes.extend([17, 0]);
            bytes.extend(frame.protocol.to_be_bytes());
            bytes.extend(7_u32.to_ne_bytes());
            bytes.extend([1, 0, frame.kind, 6]);
            bytes.resize(usize::from(start), 0);
            bytes.extend(&frame.packet);
            bytes.resize(size, 0);
            block.extend(bytes);
        }
        block
    }

    fn protocol(packet: &[u8]) -> u16 {
        if packet[0] >> 4 == 4 {
            ETHERTYPE_IPV4
        } else {
            ETHERTYPE_IPV6
        }
    }

    proptest! {
        #[test]
        fn frames_come_out_of_a_block_as_they_went_in(
            all in proptest::collection::vec(any_headers(), 0..5),
        ) {
            let frames: Vec<_> = all.iter().map(|headers| {
                let packet = build::packet(headers).0;
                Written { protocol: protocol(&packet), packet, kind: 4, tag: None }
            }).collect();
            let mut seen = Vec::new();
            walk(&block(&frames), &mut |frame| {
                assert_eq!(frame.original_bytes, u32::try_from(frame.bytes.len()).unwrap() + 9);
                seen.push(frame.segment().unwrap());
            }).unwrap();
            prop_assert_eq!(seen.len(), all.len());
            for (seen, headers) in seen.iter().zip(&all) {
                prop_assert_eq!(seen.headers.seq, headers.seq);
                prop_assert_eq!(seen.headers.destination, headers.destination);
                prop_assert_eq!(seen.device, Device::Index(7));
                prop_assert_eq!(seen.direction, Direction::Transmitted);
                prop_assert_eq!(seen.at.unwrap().ns, 3_000_000_004);
            }
        }

        #[test]
        fn no_block_panics_or_goes_on_for_ever(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..400),
            count in any::<u32>(),
            first in 0..64_u32,
        ) {
            if bytes.len() >= 20 {
                bytes[NUM_PACKETS..16].copy_from_slice(&count.to_ne_bytes());
                bytes[FIRST_PACKET..20].copy_from_slice(&first.to_ne_bytes());
            }
            let mut frames = 0;
            let _ = walk(&bytes, &mut |_| frames += 1);
            prop_assert!(frames <= 400 / HEADER_BYTES + 1);
        }
    }

    #[test]
    fn tags_are_found_beside_the_packet_and_before_it() {
        let headers = crate::model::segment::Headers {
            source: "10.0.0.1:1".parse().unwrap(),
            destination: "10.0.0.2:2".parse().unwrap(),
            seq: 1,
            ack: 1,
            flags: crate::model::observation::SegmentFlags(1),
            payload_bytes: 0,
            window: 1,
            timestamps: None,
        };
        let packet = build::packet(&headers).0;
        let tagged = [&[0xe0, 5, 0x81, 0, 0, 6, 8, 0][..], &packet].concat();
        for (packet, protocol, tag, expected) in [
            (packet.clone(), 0x0800, None, None),
            (packet.clone(), 0x0800, Some(0x2007), Some(7)),
            (tagged.clone(), 0x88a8, None, Some(5)),
            (tagged.clone(), 0x88a8, Some(9), Some(9)),
            (tagged, 0x0800, Some(9), Some(9)),
            (packet, 0x8100, None, None),
        ] {
            let written = Written {
                packet,
                protocol,
                kind: 0,
                tag,
            };
            let mut vlans = Vec::new();
            walk(&block(&[written]), &mut |frame| {
                vlans.push(frame.segment().unwrap().vlan);
            })
            .unwrap();
            assert_eq!(vlans, [expected]);
        }
    }
}
