//! Files of every make: byte orders, resolutions, sections, cuts, damage.

use proptest::prelude::*;

use super::*;
use crate::{
    model::observation::SegmentFlags,
    packet::{
        build,
        parse::{NotSegment, tests::any_headers},
        pcapng::{self as writer, PcapngWriter},
    },
};

/// A file being put together in either byte order.
#[derive(Clone)]
struct Bytes {
    big: bool,
    bytes: Vec<u8>,
}

impl Bytes {
    fn new(big: bool) -> Self {
        let bytes = Vec::new();
        Self { big, bytes }
    }

    fn u16(mut self, number: u16) -> Self {
        let bytes = if self.big {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        };
        self.bytes.extend(bytes);
        self
    }

    fn u32(mut self, number: u32) -> Self {
        let bytes = if self.big {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        };
        self.bytes.extend(bytes);
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    /// A block of pcapng around `body`, which is filled up to four bytes.
    fn block(self, kind: u32, body: &Self) -> Self {
        let mut body = body.bytes.clone();
        body.resize(body.len().next_multiple_of(4), 0);
        let length = length(&body) + 12;
        self.u32(kind).u32(length).raw(&body).u32(length)
    }

    fn section(self) -> Self {
        let body = Self::new(self.big)
            .u32(0x1a2b_3c4d)
            .u16(1)
            .u16(0)
            .raw(&[0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    fn interface(self, link: u16, limit: u32, options: &Self) -> Self {
        let body = Self::new(self.big)
            .u16(link)
            .u16(0)
            .u32(limit)
            .raw(&options.bytes);
        self.block(1, &body)
    }

    fn packet(self, interface: u32, ticks: u64, packet: &[u8]) -> Self {
        let (high, low) = (
            u32::try_from(ticks >> 32).unwrap(),
            u32::try_from(ticks & 0xffff_ffff).unwrap(),
        );
        let body = Self::new(self.big)
            .u32(interface)
            .u32(high)
            .u32(low)
            .u32(length(packet))
            .u32(length(packet))
            .raw(packet);
        self.block(6, &body)
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

fn sample(port: u16) -> Vec<u8> {
    build::packet(&crate::model::segment::Headers {
        source: (std::net::Ipv4Addr::LOCALHOST, port).into(),
        destination: (std::net::Ipv4Addr::LOCALHOST, 80).into(),
        seq: 1,
        ack: 0,
        flags: SegmentFlags(SegmentFlags::RST),
        payload_bytes: 0,
        window: 0,
        timestamps: None,
    })
    .0
}

/// Everything in a file: port and time of each segment, then how it ended.
type Story = (
    Vec<(u16, Option<i64>, Device)>,
    Result<Option<u64>, FileError>,
);

fn read(bytes: &[u8]) -> Story {
    let mut found = Vec::new();
    let mut file = match CaptureFile::open(bytes) {
        Ok(file) => file,
        Err(error) => return (found, Err(error)),
    };
    loop {
        match file.next_frame() {
            Ok(Some(frame)) => {
                let seen = frame.segment().unwrap();
                let at = seen.at.map(|at| at.ns);
                found.push((seen.headers.source.port(), at, seen.device));
            }
            Ok(None) => break,
            Err(error) => {
                assert!(file.next_frame().unwrap().is_none(), "nothing after damage");
                return (found, Err(error));
            }
        }
    }
    let cut = file.cut();
    (found, Ok(cut))
}

fn pcap(big: bool, magic: u32, packets: &[(u32, u32, Vec<u8>)]) -> Vec<u8> {
    let mut file = Bytes::new(big)
        .u32(magic)
        .u16(2)
        .u16(4)
        .u32(0)
        .u32(0)
        .u32(65_535)
        .u32(101);
    for (seconds, fraction, packet) in packets {
        let length = length(packet);
        file = file
            .u32(*seconds)
            .u32(*fraction)
            .u32(length)
            .u32(length)
            .raw(packet);
    }
    file.bytes
}

const FIRST: Device = Device::Interface(0);

#[test]
fn pcap_of_both_resolutions_and_byte_orders_is_read() {
    for big in [false, true] {
        for (magic, ns) in [
            (0xa1b2_c3d4, 7_000_000_005_000),
            (0xa1b2_3c4d, 7_000_000_000_005),
        ] {
            let bytes = pcap(big, magic, &[(7_000, 5, sample(9)), (0, 0, sample(10))]);
            let (found, end) = read(&bytes);
            assert_eq!(found, [(9, Some(ns), FIRST), (10, Some(0), FIRST)]);
            assert_eq!(end.unwrap(), None);
        }
    }
}

#[test]
fn a_pcap_of_an_old_major_version_is_refused() {
    let mut bytes = pcap(false, 0xa1b2_c3d4, &[]);
    bytes[4] = 1;
    let said = read(&bytes).1.unwrap_err().to_string();
    assert_eq!(said, "damaged at byte 0: version 1 of the format");
}

fn options(big: bool, resolution: Option<u8>, offset: Option<i64>) -> Bytes {
    let mut options = Bytes::new(big).u16(2).u16(3).raw(b"dev\0");
    if let Some(resolution) = resolution {
        options = options.u16(9).u16(1).raw(&[resolution, 0, 0, 0]);
    }
    if let Some(offset) = offset {
        let bytes = if big {
            offset.to_be_bytes()
        } else {
            offset.to_le_bytes()
        };
        options = options.u16(14).u16(8).raw(&bytes);
    }
    options.u32(0)
}

#[test]
fn sections_of_different_byte_order_number_their_interfaces_on() {
    let mut bytes = Vec::new();
    for (big, offset) in [(false, Some(-2)), (true, Some(1)), (false, None)] {
        let section = Bytes::new(big)
            .section()
            .interface(101, 0, &options(big, Some(0x80 | 1), offset))
            // Something nobody knows, larger than any packet may be.
            .block(0x7777, &Bytes::new(big).raw(&vec![1; 17 << 20]))
            .interface(101, 0, &options(big, None, None))
            .packet(0, 21, &sample(1))
            .packet(1, 21, &sample(2));
        bytes.extend(section.bytes);
    }
    let (found, end) = read(&bytes);
    assert_eq!(end.unwrap(), None);
    let expected = [
        (1, Some(8_500_000_000), Device::Interface(0)),
        (2, Some(21_000), Device::Interface(1)),
        (1, Some(11_500_000_000), Device::Interface(2)),
        (2, Some(21_000), Device::Interface(3)),
        (1, Some(10_500_000_000), Device::Interface(4)),
        (2, Some(21_000), Device::Interface(5)),
    ];
    assert_eq!(found, expected);
}

#[test]
fn simple_packets_have_no_time_and_obsolete_ones_do() {
    let packet = sample(3);
    let simple = Bytes::new(true).u32(length(&packet)).raw(&packet);
    let long = Bytes::new(true).u32(5_000).raw(&packet);
    let obsolete = Bytes::new(true)
        .u16(0)
        .u16(99)
        .u32(0)
        .u32(5)
        .u32(length(&packet))
        .u32(length(&packet))
        .raw(&packet);
    let bytes = Bytes::new(true)
        .section()
        .interface(101, length(&packet), &options(true, None, None))
        .block(3, &simple)
        .block(3, &long)
        .block(2, &obsolete)
        .bytes;
    let (found, end) = read(&bytes);
    assert_eq!(end.unwrap(), None);
    assert_eq!(
        found,
        [(3, None, FIRST), (3, None, FIRST), (3, Some(5_000), FIRST)]
    );
}

#[test]
fn a_cooked_frame_knows_its_device_better_than_the_file() {
    let cooked = [
        &[8, 0, 0, 0, 0, 0, 0, 5, 0, 1, 4, 6][..],
        &[0; 8],
        &sample(4),
    ]
    .concat();
    let bytes = Bytes::new(false)
        .section()
        .interface(276, 0, &options(false, None, None))
        .packet(0, 1, &cooked)
        .bytes;
    assert_eq!(read(&bytes).0, [(4, Some(1_000), Device::Index(5))]);
}

/// A file with one packet in it, behind which the tests put damage.
fn good() -> Bytes {
    Bytes::new(false)
        .section()
        .interface(101, 0, &Bytes::new(false))
        .packet(0, 1, &sample(5))
}

fn damaged(bytes: &[u8], said: &str) {
    let (found, end) = read(bytes);
    assert_eq!(found, [(5, Some(1_000), FIRST)], "{said}");
    let at = good().bytes.len();
    let end = end.unwrap_err().to_string();
    assert_eq!(end, format!("damaged at byte {at}: {said}"));
}

#[test]
fn impossible_lengths_are_told_with_their_place() {
    for (kind, length, said) in [
        (6, 31, "a block of type 0x6 cannot have 31 bytes"),
        (6, 33, "a block of type 0x6 cannot have 33 bytes"),
        (
            6,
            17 << 20,
            "a block of type 0x6 cannot have 17825792 bytes",
        ),
        (9, 8, "a block of type 0x9 cannot have 8 bytes"),
        (
            9,
            24,
            "a block begins with a length of 24 bytes and ends with one of 0",
        ),
        (
            0x0a0d_0d0a,
            28,
            "a section with the byte order mark [00, 00, 00, 00]",
        ),
    ] {
        let bytes = good().u32(kind).u32(length).raw(&[0; 64]).bytes;
        damaged(&bytes, said);
    }
    let mut trailer = good().packet(0, 1, &sample(6)).bytes;
    let last = trailer.len() - 4;
    trailer[last] = 0;
    let said = "a block begins with a length of 72 bytes and ends with one of 0";
    damaged(&trailer, said);
    let record = [&pcap(false, 0xa1b2_c3d4, &[])[..], &[0xff; 16]].concat();
    let said = read(&record).1.unwrap_err().to_string();
    assert_eq!(
        said,
        "damaged at byte 24: a packet of 4294967295 bytes where 16777216 are possible"
    );
}

#[test]
fn blocks_that_contradict_themselves_are_told_with_their_place() {
    let body = |words: &[u32]| {
        words
            .iter()
            .fold(Bytes::new(false), |body, word| body.u32(*word))
    };
    let overrun = "a packet of 4000 bytes where 4 are possible";
    damaged(
        &good().block(6, &body(&[0, 0, 0, 4_000, 4_000, 0])).bytes,
        overrun,
    );
    damaged(&good().block(3, &body(&[4_000, 0])).bytes, overrun);
    damaged(
        &good().packet(1, 1, &sample(6)).bytes,
        "a packet of interface 1, of which there is no description",
    );
    let long = Bytes::new(false).u16(9).u16(99);
    damaged(
        &good().interface(1, 0, &long).bytes,
        "an option that is longer than its block",
    );
    damaged(
        &good()
            .interface(1, 0, &options(false, Some(77), None))
            .bytes,
        "time stamps of resolution 0x4d",
    );
    damaged(
        &good()
            .block(0x0a0d_0d0a, &body(&[0x1a2b_3c4d, 2, 0, 0]))
            .bytes,
        "version 2 of the format",
    );
}

#[test]
fn what_is_no_capture_is_said_so() {
    for (bytes, said) in [
        (&b""[..], "neither pcap nor pcapng: it begins with []"),
        (
            b"\x1f\x8b",
            "neither pcap nor pcapng: it begins with [1f, 8b]",
        ),
        (
            b"hello",
            "neither pcap nor pcapng: it begins with [68, 65, 6c, 6c]",
        ),
        (
            b"\xd4\xc3\xb2\xa1\x02",
            "cut at byte 0, before the end of what begins there",
        ),
    ] {
        assert_eq!(read(bytes).1.unwrap_err().to_string(), said);
    }
}

#[test]
fn no_file_makes_the_list_of_interfaces_endless() {
    let mut bytes = Bytes::new(false).section();
    for _ in 0..=INTERFACES {
        bytes = bytes.interface(1, 0, &Bytes::new(false));
    }
    let said = read(&bytes.bytes).1.unwrap_err().to_string();
    assert!(said.ends_with("more than 65536 interfaces"), "{said}");
}

/// A reader that gives a byte at a time, as a slow pipe does.
struct Slowly<'a>(&'a [u8]);

impl Read for Slowly<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = into.len().min(1).min(self.0.len());
        into[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn written(packets: usize) -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::new(), &writer::Section::default()).unwrap();
    let interface = writer
        .interface(&writer::Interface {
            device: "lo",
            direction: Direction::Received,
            filter: None,
        })
        .unwrap();
    for port in 1..=packets {
        let bytes = sample(u16::try_from(port).unwrap());
        let packet = writer::Packet {
            interface,
            at_ns: 1_000,
            direction: Direction::Received,
            vlan: None,
            bytes: &bytes,
            original_bytes: 40,
            process: None,
            comments: &["a comment"],
        };
        writer.packet(&packet).unwrap();
    }
    writer.into_inner()
}

#[test]
fn a_slow_pipe_is_read_like_a_file() {
    let bytes = written(3);
    let mut file = CaptureFile::open(Slowly(&bytes)).unwrap();
    let mut count = 0;
    while file.next_frame().unwrap().is_some() {
        count += 1;
    }
    assert_eq!((count, file.cut()), (3, None));
}

#[test]
fn every_cut_gives_what_is_before_it_and_its_place() {
    let both = [
        written(4),
        pcap(true, 0xa1b2_3c4d, &[(1, 1, sample(1)), (2, 2, sample(2))]),
    ];
    for bytes in both {
        let whole = read(&bytes).0;
        let mut ends = vec![0];
        for cut in 4..bytes.len() {
            let (found, end) = read(&bytes[..cut]);
            assert_eq!(found, whole[..found.len()]);
            match end {
                Ok(None) => ends.push(u64::try_from(cut).unwrap()),
                Ok(Some(at)) => assert_eq!(Some(&at), ends.last(), "{cut}"),
                // Cut within the only header of pcap.
                Err(FileError::Cut { offset: 0 }) if cut < 24 => {}
                Err(error) => panic!("{cut}: {error}"),
            }
        }
        assert!(ends.len() > whole.len(), "{ends:?}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        magic in proptest::sample::select(vec![
            [0xd4, 0xc3, 0xb2, 0xa1], [0xa1, 0xb2, 0x3c, 0x4d], [0x0a, 0x0d, 0x0d, 0x0a],
        ]),
        rest in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = [&magic[..], &rest].concat();
        if let Ok(mut file) = CaptureFile::open(&bytes[..]) {
            while let Ok(Some(frame)) = file.next_frame() {
                let _ = frame.segment();
            }
        }
    }

    #[test]
    fn no_damage_to_a_file_panics(
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = written(3);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(mut file) = CaptureFile::open(&bytes[..]) {
            let mut frames = 0;
            while let Ok(Some(frame)) = file.next_frame() {
                let _: Result<_, NotSegment> = frame.segment();
                frames += 1;
            }
            prop_assert!(frames <= 3);
        }
    }

    #[test]
    fn any_segment_survives_pcap(headers in any_headers(), big in any::<bool>()) {
        let (packet, _) = build::packet(&headers);
        let bytes = pcap(big, 0xa1b2_c3d4, &[(1, 2, packet)]);
        let mut file = CaptureFile::open(&bytes[..]).unwrap();
        let seen = file.next_frame().unwrap().unwrap().segment().unwrap();
        prop_assert_eq!(seen.headers.seq, headers.seq);
        prop_assert_eq!(seen.headers.source, headers.source);
        prop_assert_eq!(seen.headers.timestamps, headers.timestamps);
    }
}
