//! Files of every link type and resolution, cut and damaged ones, and what is no capture.

use std::{io::Write as _, process::Command};

use super::*;
use crate::{
    model::{
        observation::SegmentFlags,
        segment::{Direction, Headers},
    },
    packet::build,
};

/// The magic numbers of pcap with microseconds and with nanoseconds.
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;

fn headers(flags: u8, seq: u32) -> Headers {
    Headers {
        source: "10.0.0.1:1000".parse().unwrap(),
        destination: "10.0.0.2:80".parse().unwrap(),
        seq,
        ack: 7,
        flags: SegmentFlags(flags),
        payload_bytes: 0,
        window: 0,
        timestamps: None,
    }
}

/// What comes before an IPv4 packet on a link.
fn before(link: u32) -> Vec<u8> {
    match link {
        0 => vec![2, 0, 0, 0],
        108 => vec![0, 0, 0, 2],
        1 => [&[0; 12][..], &[8, 0]].concat(),
        113 => [&[0, 4, 0, 1, 0, 6][..], &[0; 8], &[8, 0]].concat(),
        // Protocol, reserved, index 3, type 1, outgoing, address of 6 bytes.
        276 => [&[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6][..], &[0; 8]].concat(),
        _ => Vec::new(),
    }
}

fn pcap(magic: u32, link: u32, packets: &[(u32, Headers)]) -> Vec<u8> {
    let mut bytes = magic.to_le_bytes().to_vec();
    bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0]);
    bytes.extend(link.to_le_bytes());
    for (fraction, headers) in packets {
        let (packet, _) = build::packet(headers);
        let frame = [before(link), packet].concat();
        let length = u32::try_from(frame.len()).unwrap();
        for number in [1_777_000_000, *fraction, length, length] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(frame);
    }
    bytes
}

fn packets() -> [(u32, Headers); 4] {
    let (fin, rst, ack) = (SegmentFlags::FIN, SegmentFlags::RST, SegmentFlags::ACK);
    [
        (1, headers(ack, 1)),
        (2, headers(fin | ack, 1)),
        (3, headers(rst, 2)),
        (4, headers(SegmentFlags::SYN, 0)),
    ]
}

struct Written(tempfile::NamedTempFile);

impl Written {
    fn new(bytes: &[u8]) -> Self {
        let mut file = tempfile::Builder::new().suffix(".pcap").tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Self(file)
    }

    fn read(&self) -> Result<Captured, Failure> {
        read(self.0.path(), 5, true)
    }
}

/// The exit code, the error and the hint of a refusal.
fn refusal(bytes: &[u8]) -> (Exit, String, String) {
    let Err(failure) = Written::new(bytes).read() else {
        panic!("it was read");
    };
    (failure.exit, format!("{:#}", failure.error), failure.hint)
}

#[test]
fn fins_and_rsts_of_every_link_type_and_resolution_are_read_and_nothing_else() {
    for (magic, unit) in [(MICROSECONDS, 1_000), (NANOSECONDS, 1)] {
        for link in [0, 1, 12, 14, 101, 108, 113, 228, 276] {
            let file = Written::new(&pcap(magic, link, &packets()));
            let captured = file.read().unwrap();
            let found: Vec<_> = captured
                .segments
                .iter()
                .map(|seen| {
                    (
                        seen.headers,
                        seen.at.unwrap().ns - 1_777_000_000_000_000_000,
                    )
                })
                .collect();
            let expected = [1, 2].map(|index: usize| {
                let (fraction, headers) = packets()[index];
                (headers, i64::from(fraction) * unit)
            });
            assert_eq!(found, expected, "link type {link}");
            assert_eq!(captured.resolution_ns, unit.unsigned_abs());
            assert!(captured.damage.is_none());
        }
    }
}

#[test]
fn devices_are_numbered_from_where_the_file_before_stopped_and_named_by_their_file() {
    let file = Written::new(&pcap(NANOSECONDS, 276, &packets()));
    let captured = file.read().unwrap();
    let name = file.0.path().file_name().unwrap().to_str().unwrap();
    let expected = Foreign::from(format!("{name}:#3").as_bytes());
    assert_eq!(captured.devices, [(5, expected)]);
    let seen = captured.segments[0];
    assert_eq!(seen.device, Device::Interface(5));
    assert_eq!(seen.direction, Direction::Transmitted);
    let ethernet = Written::new(&pcap(NANOSECONDS, 1, &packets()));
    let name = ethernet.0.path().file_name().unwrap().as_encoded_bytes();
    let expected = [(5, Foreign::from(name))];
    assert_eq!(ethernet.read().unwrap().devices, expected);
}

#[test]
fn a_file_cut_anywhere_gives_what_is_before_the_cut() {
    let whole = pcap(MICROSECONDS, 1, &packets());
    let frame = (whole.len() - 24) / 4;
    for length in 24..whole.len() {
        let captured = Written::new(&whole[..length]).read().unwrap();
        let frames = (length - 24) / frame;
        assert_eq!(captured.frames, u64::try_from(frames).unwrap());
        assert_eq!(captured.segments.len(), frames.saturating_sub(1).min(2));
        let cut = match captured.damage {
            Some(FileError::Cut { offset }) => Some(offset),
            None => None,
            Some(other) => panic!("{other}"),
        };
        let begins = u64::try_from(24 + frames * frame).unwrap();
        assert_eq!(cut, ((length - 24) % frame != 0).then_some(begins));
    }
    for length in 4..24 {
        let (exit, error, _) = refusal(&whole[..length]);
        assert_eq!(exit, Exit::Runtime);
        assert!(error.contains("cut at byte 0"), "{error}");
    }
}

#[test]
fn damage_in_the_middle_costs_what_follows_it() {
    let mut bytes = pcap(MICROSECONDS, 1, &packets());
    let frame = (bytes.len() - 24) / 4;
    // The length of the third packet.
    bytes[24 + 2 * frame + 8..][..4].copy_from_slice(&[0xff; 4]);
    let captured = Written::new(&bytes).read().unwrap();
    assert_eq!(
        (captured.segments.len(), captured.damage.is_some()),
        (1, true)
    );
}

#[test]
fn what_is_no_capture_is_refused_by_what_it_is() {
    let cases: [(&[u8], &str); 7] = [
        (&[0x1f, 0x8b, 8, 0, 0, 0], "gzip -d"),
        (&[0x28, 0xb5, 0x2f, 0xfd, 0], "zstd -d"),
        (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz -d"),
        (b"BZh91AY", "bzip2 -d"),
        (b"finrst\x1a\n", "recording"),
        (b"", "empty"),
        (b"12:00:01.000 IP 10.0.0.1 > 10.0.0.2", "tcpdump -w"),
    ];
    for (bytes, remedy) in cases {
        let (exit, error, hint) = refusal(bytes);
        assert_eq!(exit, Exit::Usage);
        assert!(error.contains("neither pcap nor pcapng"), "{error}");
        assert!(hint.contains(remedy), "{hint}");
    }
}

#[test]
fn a_link_type_that_is_not_read_is_refused_by_its_number() {
    // IEEE 802.11.
    let (exit, error, hint) = refusal(&pcap(MICROSECONDS, 105, &packets()));
    assert_eq!(exit, Exit::Usage);
    assert!(error.contains("link type 105"), "{error}");
    assert!(hint.contains("Ethernet"), "{hint}");
    // Without a frame nothing is known to be wrong.
    assert!(Written::new(&pcap(MICROSECONDS, 105, &[])).read().is_ok());
}

#[test]
fn what_editcap_converts_is_read_alike() {
    let Ok(version) = Command::new("editcap").arg("--version").output() else {
        eprintln!("SKIP there is no editcap");
        return;
    };
    assert!(version.status.success());
    let directory = tempfile::tempdir().unwrap();
    let original = Written::new(&pcap(NANOSECONDS, 1, &packets()));
    let expected = original.read().unwrap().segments;
    for format in ["pcapng", "nsecpcap", "pcap"] {
        let file = directory.path().join(format);
        let mut editcap = Command::new("editcap");
        editcap
            .args(["-F", format])
            .arg(original.0.path())
            .arg(&file);
        assert!(editcap.status().unwrap().success());
        let captured = read(&file, 5, true).unwrap();
        let unit = if format == "pcap" { 1_000 } else { 1 };
        let mut rounded = expected.clone();
        for seen in &mut rounded {
            let at = seen.at.as_mut().unwrap();
            at.ns = at.ns / unit * unit;
        }
        assert_eq!(captured.segments, rounded, "{format}");
    }
}
