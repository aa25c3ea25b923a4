//! What is written is read back; what other tools make of it is tested in `tests/capture.rs`.

use proptest::prelude::*;

use super::*;
use crate::{
    model::segment::{CaptureClock, CaptureTime, Device},
    packet::{build, file::CaptureFile, parse},
};

#[test]
fn interfaces_are_described_once_and_unknown_ones_refused() {
    let mut writer = PcapngWriter::new(Vec::new(), &Section::default()).unwrap();
    let lo = Interface {
        device: "lo",
        direction: Direction::Received,
        filter: Some("tcp"),
    };
    assert_eq!(writer.interface(&lo).unwrap(), 0);
    let out = Interface {
        direction: Direction::Transmitted,
        ..lo
    };
    assert_eq!(writer.interface(&out).unwrap(), 1);
    assert_eq!(writer.interface(&lo).unwrap(), 0);
    let packet = Packet {
        interface: 2,
        at_ns: 0,
        direction: Direction::Unknown,
        vlan: None,
        bytes: &[],
        original_bytes: 0,
        process: None,
        comments: &[],
    };
    let refused = writer.packet(&packet).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    assert!(writer.statistics(2, 0, &Statistics::default()).is_err());

    let bytes = writer.into_inner();
    let mut file = CaptureFile::open(&bytes[..]).unwrap();
    assert!(file.next_frame().unwrap().is_none());
    let names: Vec<_> = file.interfaces().iter().map(|it| &it.name).collect();
    assert_eq!(names, [&Some("lo".to_owned()), &Some("lo".to_owned())]);
}

#[test]
fn a_comment_too_long_is_cut_between_letters() {
    let long = "ö".repeat(40_000);
    assert_eq!(block::beginning(&long, 65_535).len(), 65_534);
    assert_eq!(block::beginning("short", 65_535), "short");
}

#[test]
fn a_block_nobody_would_read_is_refused_and_not_written() {
    let mut writer = PcapngWriter::new(Vec::new(), &Section::default()).unwrap();
    let interface = Interface {
        device: "lo",
        direction: Direction::Unknown,
        filter: None,
    };
    let interface = writer.interface(&interface).unwrap();
    let before = writer.out.len();
    let packet = Packet {
        interface,
        at_ns: 0,
        direction: Direction::Unknown,
        vlan: None,
        bytes: &vec![0; 17 << 20],
        original_bytes: 0,
        process: None,
        comments: &[],
    };
    assert!(writer.packet(&packet).is_err());
    assert_eq!(writer.out.len(), before);
}

fn directions() -> impl Strategy<Value = Direction> {
    proptest::sample::select(vec![
        Direction::Transmitted,
        Direction::Received,
        Direction::Unknown,
    ])
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        packets in proptest::collection::vec(
            (parse::tests::any_headers(), 0..i64::MAX, directions(), "[a-z]{1,3}",
                "\\PC{0,40}", proptest::option::of(0..4096_u16)),
            0..8,
        ),
    ) {
        let section = Section {
            comment: Some("a comment"),
            hardware: Some("x86_64"),
            system: Some("Linux"),
            application: Some("finrst"),
        };
        let mut writer = PcapngWriter::new(Vec::new(), &section).unwrap();
        let mut numbers = Vec::new();
        for (headers, at_ns, direction, device, comment, vlan) in &packets {
            let (device, direction) = (device.as_str(), *direction);
            let interface = Interface { device, direction, filter: None };
            let interface = writer.interface(&interface).unwrap();
            numbers.push(interface);
            let (bytes, original_bytes) = build::packet(headers);
            let packet = Packet {
                interface,
                at_ns: *at_ns,
                direction,
                vlan: *vlan,
                bytes: &bytes,
                original_bytes,
                process: Some((1, 2)),
                comments: &[comment, comment],
            };
            writer.packet(&packet).unwrap();
            writer.names(&[(headers.source.ip(), comment)]).unwrap();
            let statistics = Statistics { accepted: Some(1), ..Statistics::default() };
            writer.statistics(interface, *at_ns, &statistics).unwrap();
        }
        let bytes = writer.into_inner();
        let mut file = CaptureFile::open(&bytes[..]).unwrap();
        for ((headers, at_ns, direction, device, _, vlan), number) in packets.iter().zip(numbers) {
            let seen = file.next_frame().unwrap().unwrap().segment().unwrap();
            prop_assert_eq!(seen.headers, *headers);
            prop_assert_eq!(seen.direction, *direction);
            prop_assert_eq!(seen.vlan, *vlan);
            prop_assert_eq!(seen.device, Device::Interface(number));
            let at = CaptureTime { clock: CaptureClock::File, ns: *at_ns };
            prop_assert_eq!(seen.at, Some(at));
            let number = usize::try_from(number).unwrap();
            prop_assert_eq!(file.interfaces()[number].name.as_ref(), Some(device));
        }
        prop_assert!(file.next_frame().unwrap().is_none());
        prop_assert_eq!(file.cut(), None);
        prop_assert_eq!(file.skipped(), 2 * u64::try_from(packets.len()).unwrap());
    }
}
