//! Properties of the format: what was put comes back, and damage costs what follows, nothing else.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use proptest::{collection, option, prelude::*};
use tracer_common::event::Kind;

use super::*;
use crate::{
    model::{
        clock::{Sample, Timed},
        segment::{CaptureClock, CaptureTime, Device, Direction, Headers, Seen, Timestamps},
        stack::StackId,
        time::{MonoNs, Reached},
    },
    tally::{Account, Captured, Clocks, PerKind},
    tests::arbitrary,
};

/// An entry that owns its record.
#[derive(Clone, Debug)]
enum Owned {
    Record(Vec<u8>),
    Other(Entry<'static>),
}

impl Owned {
    fn entry(&self) -> Entry<'_> {
        match self {
            Self::Record(bytes) => Entry::Record(bytes),
            Self::Other(entry) => entry.clone(),
        }
    }
}

/// A file that can be looked at while it is written.
#[derive(Clone, Default)]
pub(crate) struct Shared(pub(crate) Arc<Mutex<Vec<u8>>>);

impl Shared {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn header() -> Header {
    Header {
        finrst: "0.1.0".to_owned(),
        contract: tracer_common::CONTRACT,
        byte_order: crate::replay::BYTE_ORDER.to_owned(),
        machine: "x86_64".to_owned(),
        kernel: Some("6.18.0".to_owned()),
        boot_id: None,
        at_ns: 1,
        clock_offset_ns: 1_777_897_800_000_000_000,
        transport: Some("perf".to_owned()),
        points: vec![Point {
            name: "rst_sent".to_owned(),
            way: Some("fentry".to_owned()),
        }],
        reasons: BTreeMap::from([(3, "NO_SOCKET".to_owned())]),
        offsets: BTreeMap::from([("sock_common.skc_daddr".to_owned(), 0)]),
        settings: Settings {
            fin: true,
            rst: true,
            count: None,
            settle_ns: 1_000_000_000,
            sockets: 65_536,
            answer_ns: 50_000_000,
            everything: true,
            every_reset: true,
            causes: vec!["refused".to_owned()],
        },
        command_line: vec!["finrst".to_owned(), "record".to_owned()],
    }
}

pub(crate) fn account() -> impl Strategy<Value = Account> {
    let counts = || {
        collection::vec(0..4_u64, Kind::ALL.len()).prop_map(|counts| {
            let mut by_kind = PerKind::default();
            for (kind, count) in Kind::ALL.into_iter().zip(counts) {
                by_kind.set(kind, count);
            }
            by_kind
        })
    };
    let rest = (option::of(any::<u64>()), any::<u64>(), arbitrary::mono());
    (counts(), counts(), rest).prop_map(|(emitted, lost, (missed, forgotten, at))| Account {
        emitted,
        lost,
        missed,
        forgotten,
        captured: missed.map(|frames| Captured {
            frames,
            ..Captured::default()
        }),
        clocks: missed.map(|steps| Clocks {
            steps,
            largest_step_ns: -1,
            suspends: 2,
            suspended_ns: 3,
            error_p50_ns: 4,
            error_max_ns: 5,
        }),
        at,
    })
}

fn answer() -> impl Strategy<Value = Answer> {
    let facts = option::of(arbitrary::facts());
    let known = arbitrary::known().prop_map(|socket| socket.holders);
    prop_oneof![
        (any::<u32>(), any::<u64>(), facts).prop_map(|(pid, start_ns, facts)| Answer::Process {
            pid,
            start_ns,
            facts,
        }),
        (any::<u32>(), option::of(arbitrary::foreign()))
            .prop_map(|(inode, name)| Answer::Netns { inode, name }),
        (any::<u32>(), option::of(known))
            .prop_map(|(inode, holders)| Answer::Look { inode, holders }),
        (
            any::<(u64, u16, u64)>(),
            option::of(arbitrary::stacks::told())
        )
            .prop_map(|(id, stack)| {
                Answer::Stack {
                    id: StackId {
                        at: MonoNs(id.0),
                        cpu: id.1,
                        of_seq: id.2,
                    },
                    stack: stack.map(Box::new),
                }
            }),
    ]
}

/// Any segment a capture may see.
pub(crate) fn seen() -> BoxedStrategy<Seen> {
    let at = (any::<bool>(), any::<i64>()).prop_map(|(realtime, ns)| CaptureTime {
        clock: if realtime {
            CaptureClock::Realtime
        } else {
            CaptureClock::File
        },
        ns,
    });
    let device = prop_oneof![
        (0..3_u32).prop_map(Device::Index),
        any::<u32>().prop_map(Device::Interface),
    ];
    let direction = prop::sample::select(vec![
        Direction::Transmitted,
        Direction::Received,
        Direction::Unknown,
    ]);
    let timestamps = (any::<u32>(), any::<u32>());
    let timestamps = timestamps.prop_map(|(value, echo)| Timestamps { value, echo });
    let rest = (any::<u32>(), any::<u16>(), option::of(timestamps));
    let headers = (arbitrary::flow(), arbitrary::segment(), rest).prop_map(
        |(flow, segment, (payload_bytes, window, timestamps))| Headers {
            source: flow.local,
            destination: flow.remote,
            seq: segment.seq,
            ack: segment.ack,
            flags: segment.flags,
            payload_bytes,
            window,
            timestamps,
        },
    );
    let place = (option::of(at), device, direction, option::of(any::<u16>()));
    (place, headers)
        .prop_map(|((at, device, direction, vlan), headers)| Seen {
            at,
            device,
            direction,
            vlan,
            headers,
        })
        .boxed()
}

fn entry() -> BoxedStrategy<Owned> {
    let sighted = (arbitrary::mono(), option::of(any::<u32>()), seen());
    let sighted = sighted.prop_map(|(at, netns, seen)| Entry::Sighted {
        at: Timed {
            at,
            error_ns: netns.map(u64::from),
        },
        netns,
        seen: Box::new(seen),
    });
    let device = (any::<(Option<u32>, u32)>(), arbitrary::foreign());
    let other = prop_oneof![
        Just(Entry::Header(Box::new(header()))),
        (
            any::<i128>(),
            arbitrary::mono(),
            any::<u64>(),
            any::<i128>()
        )
            .prop_map(|(offset_ns, at, error_ns, slept_ns)| {
                let sample = Sample {
                    at,
                    offset_ns,
                    error_ns,
                    slept_ns,
                };
                Entry::Clock(sample)
            }),
        (arbitrary::mono(), arbitrary::mono())
            .prop_map(|(records, segments)| Entry::Turn(Reached { records, segments })),
        arbitrary::mono().prop_map(|records| Entry::Turn(Reached::records(records))),
        answer().prop_map(Entry::Answer),
        sighted,
        (any::<u32>(), arbitrary::flow()).prop_map(|(netns, flow)| Entry::Translated {
            netns,
            before: (flow.local, flow.remote),
            after: (flow.remote, flow.local),
        }),
        device.prop_map(|((netns, index), name)| Entry::Device { netns, index, name }),
        collection::vec(arbitrary::known(), 0..3).prop_map(Entry::Known),
        account().prop_map(|account| Entry::Account(Box::new(account))),
    ];
    prop_oneof![
        collection::vec(any::<u8>(), 0..400).prop_map(Owned::Record),
        other.prop_map(Owned::Other),
    ]
    .boxed()
}

/// A recording, and after how many bytes how many entries had left for it.
#[derive(Debug)]
struct Made {
    entries: Vec<Owned>,
    bytes: Vec<u8>,
    left: Vec<(usize, usize)>,
}

/// Any recording; true stands for a flush behind the entry.
fn recording() -> impl Strategy<Value = Made> {
    collection::vec((entry(), any::<bool>()), 0..20).prop_map(|planned| {
        let file = Shared::default();
        let mut writer = Writer::new(file.clone()).unwrap();
        let (mut entries, mut left) = (Vec::new(), Vec::new());
        for (entry, flush) in planned {
            writer.put(&entry.entry()).unwrap();
            entries.push(entry);
            if flush {
                writer.flush().unwrap();
                left.push((file.bytes().len(), entries.len()));
            }
        }
        let end = Entry::End {
            how: "asked".to_owned(),
        };
        writer.put(&end).unwrap();
        writer.finish().unwrap();
        entries.push(Owned::Other(end));
        Made {
            entries,
            bytes: file.bytes(),
            left,
        }
    })
}

/// Reads as far as it goes: how many entries, each the one it should be, and why no more.
fn read(bytes: &[u8], expected: &[Owned]) -> (usize, Result<Stop, ReadError>) {
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (0, Err(error)),
    };
    let mut count = 0;
    loop {
        match reader.entry() {
            Ok(Some(entry)) => {
                assert_eq!(entry, expected[count].entry());
                count += 1;
            }
            Ok(None) => return (count, Ok(reader.stop().unwrap())),
            Err(error) => return (count, Err(error)),
        }
    }
}

/// A file of these chunks, each with a checksum that vouches for it.
fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    file.extend(VERSION.to_le_bytes());
    file.extend([0; 2]);
    let mut out = zstd::Encoder::new(file, 1).unwrap();
    for chunk in chunks {
        let length = u32::try_from(chunk.len()).unwrap();
        out.write_all(&length.to_le_bytes()).unwrap();
        let check = crc32fast::hash(chunk);
        out.write_all(&check.to_le_bytes()).unwrap();
        out.write_all(chunk).unwrap();
    }
    out.finish().unwrap()
}

fn raw(kind: u16, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap();
    [&kind.to_le_bytes()[..], &size.to_le_bytes(), payload].concat()
}

const END: (u16, &[u8]) = (10, br#"{"how":"asked"}"#);

proptest! {
    #[test]
    fn what_was_put_comes_back(made in recording()) {
        let (count, stop) = read(&made.bytes, &made.entries);
        prop_assert_eq!(count, made.entries.len());
        prop_assert_eq!(stop.unwrap(), Stop::Whole);
    }

    #[test]
    fn a_cut_file_gives_everything_that_had_left_before_the_cut(
        made in recording(),
        cut in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(made.bytes.len());
        let (count, stop) = read(&made.bytes[..cut], &made.entries);
        let left = made.left.iter().filter(|(bytes, _)| *bytes <= cut);
        let left = left.map(|&(_, entries)| entries).max().unwrap_or(0);
        prop_assert!(count >= left, "{} of {} entries", count, left);
        match stop {
            Ok(Stop::Whole) => prop_assert_eq!(count, made.entries.len()),
            Ok(Stop::Cut { offset }) => prop_assert!(offset <= u64::try_from(cut).unwrap()),
            Err(ReadError::NotARecording) => prop_assert!(cut < 12),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn a_flipped_bit_never_makes_another_entry_and_never_goes_unnoticed(
        made in recording(),
        place in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let mut bytes = made.bytes.clone();
        bytes[place.index(made.bytes.len())] ^= 1 << bit;
        let (count, stop) = read(&bytes, &made.entries);
        if matches!(stop, Ok(Stop::Whole)) {
            prop_assert_eq!(count, made.entries.len());
        }
    }

    #[test]
    fn no_bytes_panic(bytes in collection::vec(any::<u8>(), 0..300), chunk in any::<bool>()) {
        let file = if chunk {
            file(&[bytes])
        } else {
            [&file(&[])[..12], &bytes].concat()
        };
        let mut reader = Reader::new(&*file).unwrap();
        while let Ok(Some(_)) = reader.entry() {}
    }

    #[test]
    fn no_payload_panics(kind in 1..=12_u16, payload in "[\\[\\]{}\":,a-z0-9]{0,60}") {
        let _ = Entry::read(kind, payload.as_bytes());
    }
}

#[test]
fn kinds_and_members_of_a_newer_build_are_passed_over() {
    let (kind, end) = END;
    let clock = br#"{"offset_ns":-7,"quality":200}"#;
    let chunks = [
        [raw(4711, b"?"), raw(2, clock)].concat(),
        [raw(u16::MAX, &[0; 99]), raw(kind, end)].concat(),
    ];
    let file = file(&chunks);
    let mut reader = Reader::new(&*file).unwrap();
    let clock = reader.entry().unwrap().unwrap();
    assert_eq!(
        clock,
        Entry::Clock(Sample {
            at: MonoNs(0),
            offset_ns: -7,
            error_ns: 0,
            slept_ns: 0,
        })
    );
    assert!(matches!(
        reader.entry().unwrap().unwrap(),
        Entry::End { .. }
    ));
    assert_eq!(reader.entry().unwrap(), None);
    assert_eq!((reader.stop(), reader.skipped()), (Some(Stop::Whole), 2));
}

#[test]
fn a_file_without_its_end_is_cut_even_where_its_stream_is_whole() {
    let file = file(&[raw(4, &[0; 8])]);
    let turn = [Owned::Other(Entry::Turn(Reached::records(MonoNs(0))))];
    let (count, stop) = read(&file, &turn);
    assert!(matches!((count, stop), (1, Ok(Stop::Cut { .. }))));
}

#[test]
fn nothing_follows_an_end() {
    let end = raw(END.0, END.1);
    let (count, stop) = read(
        &file(&[end.clone(), end]),
        &[Owned::Other(Entry::End {
            how: "asked".to_owned(),
        })],
    );
    assert!(matches!((count, stop), (1, Err(ReadError::Damaged { .. }))));
}

#[test]
fn other_files_and_other_formats_are_told_apart() {
    let new = |bytes: &[u8]| Reader::new(bytes).map(|_| ()).unwrap_err();
    assert!(matches!(new(b""), ReadError::NotARecording));
    assert!(matches!(new(&[0; 64]), ReadError::NotARecording));
    let mut newer = file(&[]);
    newer[8] = 2;
    assert!(matches!(new(&newer), ReadError::Version { found: 2 }));
}

#[test]
fn a_file_may_not_ask_for_more_memory_than_a_recording_needs() {
    let mut out = zstd::Encoder::new(file(&[])[..12].to_vec(), 1).unwrap();
    out.window_log(27).unwrap();
    out.write_all(&[0; 64]).unwrap();
    let (_, stop) = read(&out.finish().unwrap(), &[]);
    assert!(matches!(stop, Err(ReadError::Damaged { .. })), "{stop:?}");
    // A chunk that promises more than any has, and one that promises more than there is.
    for (length, damaged) in [(u32::MAX, true), (16 << 20, false)] {
        let mut out = zstd::Encoder::new(file(&[])[..12].to_vec(), 1).unwrap();
        out.write_all(&length.to_le_bytes()).unwrap();
        out.write_all(&[0; 40]).unwrap();
        let (_, stop) = read(&out.finish().unwrap(), &[]);
        assert_eq!(stop.is_err(), damaged, "{length}");
    }
}

#[test]
fn an_entry_no_reader_would_take_is_refused_and_leaves_the_rest_sound() {
    let file = Shared::default();
    let mut writer = Writer::new(file.clone()).unwrap();
    writer
        .put(&Entry::Turn(Reached::records(MonoNs(1))))
        .unwrap();
    let longest = vec![0; PAYLOAD];
    writer.put(&Entry::Record(&longest)).unwrap();
    let error = writer
        .put(&Entry::Record(&vec![0; PAYLOAD + 1]))
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    writer.finish().unwrap();
    let expected = [
        Owned::Other(Entry::Turn(Reached::records(MonoNs(1)))),
        Owned::Record(longest),
    ];
    assert_eq!(read(&file.bytes(), &expected).0, 2);
}
