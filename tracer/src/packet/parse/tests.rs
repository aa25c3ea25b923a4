//! Built packets parse back behind every kind of header; arbitrary bytes never panic.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;
use crate::{
    model::{
        observation::SegmentFlags,
        segment::{Headers, Timestamps},
    },
    packet::build,
};

pub(in crate::packet) fn any_headers() -> impl Strategy<Value = Headers> {
    let v4 = (any::<[u8; 4]>(), any::<[u8; 4]>(), any::<[u16; 2]>()).prop_map(|(a, b, ports)| {
        (
            SocketAddr::from((a, ports[0])),
            SocketAddr::from((b, ports[1])),
        )
    });
    let v6 = (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<[u16; 2]>()).prop_map(|(a, b, ports)| {
        (
            SocketAddr::from((a, ports[0])),
            SocketAddr::from((b, ports[1])),
        )
    });
    let ends = prop_oneof![v4, v6];
    let times = proptest::option::of((any::<u32>(), any::<u32>()));
    let payload = prop_oneof![Just(0), 0..200_000_u32];
    let numbers = (any::<u32>(), any::<u32>(), any::<u8>(), any::<u16>());
    (ends, numbers, payload, times).prop_map(|(ends, (seq, ack, flags, window), payload, times)| {
        Headers {
            source: ends.0,
            destination: ends.1,
            seq,
            ack,
            flags: SegmentFlags(flags),
            payload_bytes: payload,
            window,
            timestamps: times.map(|(value, echo)| Timestamps { value, echo }),
        }
    })
}

fn ethertype(headers: &Headers) -> [u8; 2] {
    if headers.source.is_ipv4() {
        [8, 0]
    } else {
        [0x86, 0xdd]
    }
}

/// The packet behind a header of each link type, and what that header says.
fn wrapped(headers: &Headers, packet: &[u8], tags: &[u16]) -> Vec<(Link, Vec<u8>, Found)> {
    let plain = Found {
        headers: *headers,
        vlan: None,
        direction: Direction::Unknown,
        device: None,
    };
    let tagged = Found {
        vlan: tags.first().map(|tag| tag & 0xfff),
        ..plain
    };
    let kinds = [[0x81, 0], [0x88, 0xa8], [0x91, 0]];
    let mut chain = Vec::new();
    for (tag, kind) in tags.iter().zip(kinds.iter().cycle()) {
        chain.extend(*kind);
        chain.extend(tag.to_be_bytes());
    }
    chain.extend(ethertype(headers));
    let mut frames = Vec::new();
    let mut add = |link, head: &[u8], found| {
        frames.push((link, [head, packet].concat(), found));
    };
    add(Link::Raw, &[], plain);
    add(Link::Ethernet, &[&[7; 12][..], &chain].concat(), tagged);
    let (v4, own) = if headers.source.is_ipv4() {
        (2, Link::Ipv4)
    } else {
        (30, Link::Ipv6)
    };
    add(own, &[], plain);
    add(Link::Null, &[0, 0, 0, v4], plain);
    add(Link::Null, &[v4, 0, 0, 0], plain);
    add(Link::Loop, &[0, 0, 0, v4], plain);
    for (kind, direction) in [
        (0, Direction::Received),
        (2, Direction::Received),
        (3, Direction::Received),
        (7, Direction::Unknown),
        (4, Direction::Transmitted),
    ] {
        let found = Found {
            direction,
            ..tagged
        };
        let sll = [&[0, kind][..], &[9; 12], &chain].concat();
        add(Link::Sll, &sll, found);
        let protocol: [u8; 2] = chain[..2].try_into().unwrap();
        let sll2 = [&protocol[..], &[0, 0, 0, 0, 1, 2, 0, 1, kind, 6], &[9; 8]].concat();
        let found = Found {
            device: Some(0x0102),
            ..found
        };
        add(Link::Sll2, &[&sll2, &chain[2..]].concat(), found);
    }
    frames
}

/// The packet with headers of its IP version between IP and TCP.
pub(in crate::packet) fn with_options(packet: &[u8], extensions: &[u8], v4_words: u8) -> Vec<u8> {
    let mut packet = packet.to_vec();
    if packet[0] >> 4 == 4 {
        let added = usize::from(v4_words) * 4;
        let total = u16::from_be_bytes([packet[2], packet[3]]);
        packet[0] += v4_words;
        // A length of zero means that the frame knows it.
        if total > 0 {
            let total = total.saturating_add(u16::from(v4_words) * 4);
            packet[2..4].copy_from_slice(&total.to_be_bytes());
        }
        packet.splice(20..20, vec![1; added]);
        return packet;
    }
    let mut chain: Vec<u8> = Vec::new();
    let mut kinds = extensions.to_vec();
    kinds.push(6);
    for pair in kinds.windows(2) {
        let bytes: &[u8] = match pair[0] {
            51 => &[
                0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
            ],
            44 => &[0, 0, 0, 1, 1, 2, 3, 4],
            _ => &[0, 1, 1, 4, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 0],
        };
        let start = chain.len();
        chain.extend(bytes);
        chain[start] = pair[1];
    }
    let length = u16::from_be_bytes([packet[4], packet[5]]);
    if length > 0 {
        let length = length.saturating_add(u16::try_from(chain.len()).unwrap());
        packet[4..6].copy_from_slice(&length.to_be_bytes());
    }
    packet[6] = kinds[0];
    packet.splice(40..40, chain);
    packet
}

pub(in crate::packet) fn extensions() -> impl Strategy<Value = Vec<u8>> {
    let kinds = proptest::sample::select(vec![0_u8, 43, 44, 51, 60, 135, 139, 140]);
    proptest::collection::vec(kinds, 0..5)
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

proptest! {
    #[test]
    fn a_built_packet_parses_back_behind_every_link_header(
        headers in any_headers(),
        tags in proptest::collection::vec(any::<u16>(), 0..3),
        extensions in extensions(),
        v4_words in 0..=10_u8,
    ) {
        let (packet, original) = build::packet(&headers);
        let missing = original - length(&packet);
        // What does not fit the IP header is not tested with options on top.
        let packet = if original < 60_000 {
            with_options(&packet, &extensions, v4_words)
        } else {
            packet
        };
        for (link, bytes, found) in wrapped(&headers, &packet, &tags) {
            let read = frame(link, &bytes, length(&bytes) + missing);
            prop_assert_eq!(read, Ok(found), "{:?}", link);
        }
    }

    #[test]
    fn every_cut_before_the_end_of_the_headers_is_truncation(
        headers in any_headers(),
        tags in proptest::collection::vec(any::<u16>(), 0..3),
        extensions in extensions(),
    ) {
        let (packet, _) = build::packet(&Headers { payload_bytes: 0, ..headers });
        let packet = with_options(&packet, &extensions, 3);
        let options = if headers.timestamps.is_some() { 12 } else { 0 };
        for (link, bytes, _) in wrapped(&headers, &packet, &tags) {
            for cut in 0..bytes.len() {
                let read = frame(link, &bytes[..cut], length(&bytes));
                if cut < bytes.len() - options {
                    prop_assert_eq!(read, Err(NotSegment::Truncated), "{:?} at {}", link, cut);
                } else {
                    prop_assert_eq!(read.map(|found| found.headers.timestamps), Ok(None));
                }
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        number in prop_oneof![any::<u16>(), Just(1), Just(101), Just(113), Just(276), Just(0)],
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        original in any::<u32>(),
    ) {
        let read = frame(Link::of(number), &bytes, original);
        prop_assert!(read.is_err() || bytes.len() >= 40);
    }

    #[test]
    fn no_damage_to_a_packet_panics(
        headers in any_headers(),
        extensions in extensions(),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<proptest::sample::Index>(),
    ) {
        let (packet, original) = build::packet(&headers);
        let packet = with_options(&packet, &extensions, 1);
        for (link, mut bytes, _) in wrapped(&headers, &packet, &[0x0123]) {
            for (at, byte) in &damage {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            let _ = frame(link, &bytes, original);
            let _ = frame(link, &bytes[..cut.index(bytes.len())], original);
        }
    }
}

fn sample(addresses: [&str; 2]) -> Headers {
    Headers {
        source: addresses[0].parse().unwrap(),
        destination: addresses[1].parse().unwrap(),
        seq: 1,
        ack: 2,
        flags: SegmentFlags(SegmentFlags::FIN | SegmentFlags::ACK),
        payload_bytes: 0,
        window: 512,
        timestamps: None,
    }
}

fn v4() -> Vec<u8> {
    build::packet(&sample(["192.0.2.1:80", "192.0.2.2:4000"])).0
}

fn v6() -> Vec<u8> {
    build::packet(&sample(["[2001:db8::1]:80", "[2001:db8::2]:4000"])).0
}

fn refused(link: Link, bytes: &[u8]) -> NotSegment {
    frame(link, bytes, length(bytes)).unwrap_err()
}

#[test]
fn what_is_no_tcp_says_so() {
    let mut udp = v4();
    udp[9] = 17;
    assert_eq!(refused(Link::Raw, &udp), NotSegment::NotTcp);
    // ESP hides what it carries.
    let mut esp = v6();
    esp[6] = 50;
    assert_eq!(refused(Link::Raw, &esp), NotSegment::NotTcp);
    let arp = [&[0xff; 12][..], &[8, 6], &[0; 28]].concat();
    assert_eq!(refused(Link::Ethernet, &arp), NotSegment::NotIp);
    assert_eq!(refused(Link::Null, &[0, 0, 0, 7, 0]), NotSegment::NotIp);
    assert_eq!(refused(Link::of(105), &v4()), NotSegment::UnknownLinkType);
}

#[test]
fn only_the_first_fragment_has_the_header() {
    let mut first = v4();
    first[6] = 0x20;
    assert!(frame(Link::Raw, &first, length(&first)).is_ok());
    let mut later = v4();
    later[7] = 1;
    assert_eq!(refused(Link::Raw, &later), NotSegment::Fragment);
    // A later fragment of something else is no loss.
    later[9] = 17;
    assert_eq!(refused(Link::Raw, &later), NotSegment::NotTcp);

    let mut later = with_options(&v6(), &[44], 0);
    later[42..44].copy_from_slice(&[0, 9]);
    assert_eq!(refused(Link::Raw, &later), NotSegment::Fragment);
    later[40] = 60;
    assert_eq!(refused(Link::Raw, &later), NotSegment::Fragment);
    later[40] = 17;
    assert_eq!(refused(Link::Raw, &later), NotSegment::NotTcp);
}

#[test]
fn headers_that_contradict_each_other_are_malformed() {
    for (at, byte) in [
        // Version, IP header of 16 bytes, total length below the header's, data offset of 4 words.
        (0, 0x55),
        (0, 0x44),
        (3, 19),
        (32, 0x40),
        // A data offset that goes beyond the packet.
        (32, 0xf0),
        // Room for half a TCP header.
        (3, 30),
    ] {
        let mut packet = v4();
        packet[at] = byte;
        assert_eq!(
            refused(Link::Ipv4, &packet),
            NotSegment::Malformed,
            "{at} {byte:#x}"
        );
    }
    assert_eq!(refused(Link::Ipv6, &v4()), NotSegment::Malformed);
    assert_eq!(refused(Link::Raw, &[]), NotSegment::Malformed);
}

#[test]
fn padding_of_short_ethernet_frames_is_no_payload() {
    let padded = [&[7; 12][..], &[8, 0], &v4(), &[0; 6]].concat();
    let found = frame(Link::Ethernet, &padded, length(&padded)).unwrap();
    assert_eq!(found.headers.payload_bytes, 0);
}

#[test]
fn each_reason_has_a_counter_of_its_own() {
    let mut counts = NotSegments::default();
    for (reason, times) in [
        (NotSegment::NotIp, 1),
        (NotSegment::NotTcp, 2),
        (NotSegment::Fragment, 3),
        (NotSegment::Truncated, 4),
        (NotSegment::Malformed, 5),
        (NotSegment::UnknownLinkType, 6),
    ] {
        (0..times).for_each(|_| counts.count(reason));
    }
    let expected = NotSegments {
        not_ip: 1,
        not_tcp: 2,
        fragments: 3,
        truncated: 4,
        malformed: 5,
        unknown_link_type: 6,
    };
    assert_eq!(counts, expected);
}
