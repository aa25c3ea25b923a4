//! What is written is read back, block by block, and nobody's name forges a line.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::{
    model::foreign::Foreign,
    packet::file::CaptureFile,
    render::{
        Format,
        tests::{DEVICES, bare, options, samples},
    },
    tests::arbitrary,
};

/// A block: its type and its body.
type Block = (u32, Vec<u8>);

fn blocks(mut file: &[u8]) -> Vec<Block> {
    let mut blocks = Vec::new();
    while let Some((head, _)) = file.split_first_chunk::<8>() {
        let [kind, length] =
            [&head[..4], &head[4..]].map(|it| u32::from_le_bytes(it.try_into().unwrap()));
        let length = usize::try_from(length).unwrap();
        blocks.push((kind, file[8..length - 4].to_vec()));
        file = &file[length..];
    }
    blocks
}

/// The options of a block after the fixed part of its body.
fn options_of(body: &[u8], fixed: usize) -> BTreeMap<u16, Vec<String>> {
    let mut rest = &body[fixed..];
    let mut options = BTreeMap::<u16, Vec<String>>::new();
    while let [c0, c1, l0, l1, value @ ..] = rest {
        let (code, length) = (
            u16::from_le_bytes([*c0, *c1]),
            u16::from_le_bytes([*l0, *l1]),
        );
        if code == 0 {
            break;
        }
        let length = usize::from(length);
        let text = String::from_utf8_lossy(&value[..length]).into_owned();
        options.entry(code).or_default().push(text);
        rest = &value[length.next_multiple_of(4)..];
    }
    options
}

/// The comments of each packet.
fn comments(file: &[u8]) -> Vec<Vec<String>> {
    let packets = blocks(file).into_iter().filter(|(kind, _)| *kind == 6);
    packets
        .map(|(_, body)| {
            let captured = u32::from_le_bytes(body[12..16].try_into().unwrap());
            let captured = usize::try_from(captured).unwrap();
            let mut options = options_of(&body, 20 + captured.next_multiple_of(4));
            options.remove(&1).unwrap_or_default()
        })
        .collect()
}

fn told(explained: &Explained<'_>, explain: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut renderer = Format::Pcapng.renderer(Options {
        explain,
        ..options()
    });
    renderer.start(&samples::start(), &mut out).unwrap();
    renderer.ending(explained, &mut out).unwrap();
    renderer.summary(&samples::tally(), &mut out).unwrap();
    out
}

#[test]
fn an_ending_is_its_segments_with_their_own_headers_and_times() {
    let (ending, explanation) = (samples::complete(), samples::explanation("because"));
    let (facts, blue) = (samples::nginx(), Foreign::from(&b"blue"[..]));
    let explained = Explained {
        owner: Some(&facts),
        netns_name: Some(&blue),
        ..bare(&ending, &explanation)
    };
    let file = told(&explained, true);
    insta::assert_snapshot!(comments(&file)[0].join("\n--\n"));

    let mut read = CaptureFile::open(&file[..]).unwrap();
    let seen = read.next_frame().unwrap().unwrap().segment().unwrap();
    let sighting = &ending.segments.as_ref().unwrap()[0].sightings[0];
    assert_eq!(seen.headers, sighting.headers);
    assert_eq!(seen.at.unwrap().ns, sighting.captured.unwrap().ns);
    assert!(read.next_frame().unwrap().is_none());
    let names: Vec<_> = read.interfaces().iter().flat_map(|it| &it.name).collect();
    assert_eq!(names, ["any", "lo"]);

    let blocks = blocks(&file);
    let kinds: Vec<_> = blocks.iter().map(|(kind, _)| *kind).collect();
    // Section, interface of the whole, names, interface, packet, statistics of both.
    assert_eq!(kinds, [0x0a0d_0d0a, 1, 4, 1, 6, 5, 5]);
    let section = options_of(&blocks[0].1, 16);
    let said = [2, 3, 4].map(|code| section[&code][0].as_str());
    assert_eq!(said, ["x86_64", "Linux 6.18.5", "finrst 0.1.0"]);
    let whole = options_of(&blocks[5].1, 12);
    assert!(whole[&1][0].contains("10 lost"), "{whole:?}");
}

#[test]
fn a_device_of_another_namespace_is_an_interface_of_its_own() {
    let (mut ending, explanation) = (samples::complete(), samples::explanation(""));
    let segment = &mut ending.segments.as_mut().unwrap()[0];
    segment.sightings.push(samples::translated());
    let file = told(&bare(&ending, &explanation), false);
    let mut read = CaptureFile::open(&file[..]).unwrap();
    while read.next_frame().unwrap().is_some() {}
    let names: Vec<_> = read.interfaces().iter().flat_map(|it| &it.name).collect();
    assert_eq!(names, ["any", "lo", "wan0@4026532000"]);
}

#[test]
fn what_was_not_seen_is_no_packet_but_the_file_is_whole() {
    let (ending, explanation) = (samples::endings()[0].0.clone(), samples::explanation(""));
    assert_eq!(ending.segments, None);
    let file = told(&bare(&ending, &explanation), false);
    let mut read = CaptureFile::open(&file[..]).unwrap();
    assert!(read.next_frame().unwrap().is_none());
    assert_eq!((read.interfaces().len(), read.cut()), (1, None));
}

#[test]
fn each_end_tells_what_passed_on_its_side() {
    let mut segment = samples::complete().segments.unwrap()[0].clone();
    let sent = segment.sightings[0];
    let received = Sighting {
        direction: Direction::Received,
        ..sent
    };
    segment.sightings.push(received);
    segment.again.push(sent);
    assert_eq!(own(&segment), [(&sent, false), (&sent, true)]);
    segment.sent = false;
    assert_eq!(own(&segment), [(&received, false)]);
    segment.sightings = vec![sent];
    assert_eq!(own(&segment), [(&sent, false)]);
    segment.sightings.clear();
    segment.again.clear();
    assert_eq!(own(&segment), []);
}

#[test]
fn a_payload_that_was_not_kept_is_told_by_the_length() {
    let mut ending = samples::complete();
    let segment = &mut ending.segments.as_mut().unwrap()[0];
    segment.sightings[0].headers.payload_bytes = 100;
    let explanation = samples::explanation("");
    let file = told(&bare(&ending, &explanation), false);
    let (_, body) = blocks(&file).into_iter().find(|it| it.0 == 6).unwrap();
    let [captured, original] =
        [12, 16].map(|at| u32::from_le_bytes(body[at..at + 4].try_into().unwrap()));
    assert_eq!(original, captured + 100);
}

proptest! {
    #[test]
    fn hostile_names_forge_no_line(
        ending in arbitrary::ending(),
        facts in arbitrary::facts(),
        netns in arbitrary::foreign(),
    ) {
        let explanation = samples::explanation("because");
        let explained = Explained {
            owner: Some(&facts),
            netns_name: Some(&netns),
            devices: &DEVICES,
            ..bare(&ending, &explanation)
        };
        let file = told(&explained, false);
        for comment in comments(&file).iter().flatten() {
            let mut keys = HashSet::new();
            for line in comment.split('\n') {
                let key = line.split_once(": ").map(|(key, _)| key);
                prop_assert!(key.is_some_and(|key| keys.insert(key)), "{}", comment);
                prop_assert!(!line.chars().any(char::is_control), "{}", comment);
            }
        }
        let mut read = CaptureFile::open(&file[..]).unwrap();
        while let Some(frame) = read.next_frame().unwrap() {
            prop_assert!(frame.segment().is_ok());
        }
        prop_assert_eq!(read.cut(), None);
    }
}
