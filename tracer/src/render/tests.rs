//! What every format makes of the same endings, events and counters.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, offset};
use proptest::prelude::*;
use tracer_common::event::Kind;

use super::*;
use crate::{
    model::{
        cause::Cause,
        clock::Sample,
        ending::{Act, Call, CloseCall, How, Owner, Transition},
        flow::Flow,
        identity::{Container, PodUid, Runtime},
        observation::{HeldBack, Segment, SegmentFlags, What},
        process::{Actor, Comm, Confidence, Exit, Task},
        reason::Reason,
        segment::Device,
        socket::{Condition, FileRefs, Socket, SocketId},
        state::TcpState,
        stray::Why,
    },
    tally::{Captured, Clocks, Delay, PerKind, Unjoined},
    tests::arbitrary,
};

pub(super) mod contract;
pub(super) mod samples;

use samples::{alignments, endings, events, lost, names, nginx, start, tally};

pub(super) fn options() -> Options {
    Options {
        clock: WallClock::new(1_777_897_800_000_000_000, TimeZone::fixed(offset(2))),
        reasons: names(),
        colour: false,
        explain: false,
        stacks: false,
    }
}

/// An ending of whose owner nothing more is known.
pub(super) fn bare<'a>(ending: &'a Ending, explanation: &'a Explanation) -> Explained<'a> {
    Explained {
        ending,
        explanation,
        owner: None,
        netns_name: None,
        stacks: &[],
        asked: None,
        devices: &DEVICES,
    }
}

/// The device the samples' segments were seen on.
pub(super) static DEVICES: LazyLock<Devices> = LazyLock::new(|| {
    let mut devices = Devices::default();
    let lo = Foreign::from(b"lo".as_slice());
    devices.insert(Some(4_026_531_840), Device::Index(1), lo);
    let file = Foreign::from(b"wire.pcap".as_slice());
    devices.insert(None, Device::Interface(0), file);
    let wan = Foreign::from(b"wan0".as_slice());
    devices.insert(Some(4_026_532_000), Device::Index(2), wan);
    devices
});

/// Everything a run can print, in the order it would.
fn rendered(format: Format, options: Options) -> String {
    let mut out = Vec::new();
    let mut renderer = format.renderer(options);
    renderer.start(&start(), &mut out).unwrap();
    for alignment in alignments() {
        let at = alignment.fit.map_or(MonoNs(0), |fit| fit.at);
        renderer.alignment(&alignment, at, &mut out).unwrap();
    }
    for event in events() {
        renderer.event(&event, &mut out).unwrap();
    }
    let (facts, blue) = (nginx(), Foreign::from(&b"blue"[..]));
    for (index, (ending, explanation)) in endings().iter().enumerate() {
        let explained = Explained {
            owner: (index == 0).then_some(&facts),
            netns_name: (index == 0).then_some(&blue),
            ..bare(ending, explanation)
        };
        renderer.ending(&explained, &mut out).unwrap();
    }
    let stray = samples::stray();
    renderer.segment(&stray, &DEVICES, &mut out).unwrap();
    renderer.lost(&lost(), &mut out).unwrap();
    renderer.summary(&tally(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The formats of lines; what comes of the other is looked at block by block.
const LINES: [Format; 2] = [Format::Text, Format::Json];

#[test]
fn every_format_of_lines_tells_the_same_run() {
    for format in LINES {
        insta::assert_snapshot!(format.name(), rendered(format, options()));
    }
}

#[test]
fn text_tells_every_device_a_segment_passed_and_what_it_was_translated_to() {
    let (mut ending, explanation) = endings().swap_remove(0);
    let mut fin = samples::fin();
    fin.sightings.push(samples::translated());
    ending.segments = Some(vec![fin]);
    let explained = bare(&ending, &explanation);
    let options = Options {
        explain: true,
        ..options()
    };
    let mut out = Vec::new();
    let mut renderer = Format::Text.renderer(options);
    renderer.ending(&explained, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let line = text.lines().find(|it| it.contains("wire:")).unwrap();
    assert_eq!(
        line.trim_start(),
        "wire: sent [F] on lo 1.00µs after the kernel's act (passed wan0 as 192.0.2.1:50000 → 192.0.2.7:80)"
    );
}

#[test]
fn text_explains_when_told() {
    let options = Options {
        explain: true,
        ..options()
    };
    insta::assert_snapshot!(rendered(Format::Text, options));
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = rendered(
        Format::Text,
        Options {
            colour: true,
            ..options()
        },
    );
    assert!(coloured.contains("\u{1b}[31mrst_sent\u{1b}[0m"));
    let mut plain = String::new();
    for (index, piece) in coloured.split('\u{1b}').enumerate() {
        plain.push_str(if index == 0 {
            piece
        } else {
            piece.split_once('m').unwrap().1
        });
    }
    assert_eq!(plain, rendered(Format::Text, options()));
}

#[test]
fn json_has_no_colours() {
    let options = Options {
        colour: true,
        ..options()
    };
    assert!(!rendered(Format::Json, options).contains('\u{1b}'));
}

#[test]
fn a_new_clock_holds_from_the_next_line_on() {
    let mut out = Vec::new();
    let mut renderer = Format::Json.renderer(options());
    renderer.lost(&lost(), &mut out).unwrap();
    renderer.clock(&Sample {
        at: MonoNs(1),
        offset_ns: 0,
        error_ns: 1,
        slept_ns: 0,
    });
    renderer.lost(&lost(), &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].contains("\"time\":\"2026-"));
    assert!(lines[1].contains("\"time\":\"1970-"));
}

#[test]
fn a_summary_names_every_loss() {
    let summary = |tally: &Tally| {
        let mut out = Vec::new();
        let mut renderer = Format::Text.renderer(options());
        renderer.summary(tally, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        summary(&Tally::default()),
        "0 endings, 0 events received, 0 lost\n"
    );
    let one = |change: fn(&mut Tally)| {
        let mut tally = Tally::default();
        change(&mut tally);
        summary(&tally)
    };
    assert!(one(|it| it.undecodable = 1).ends_with("1 event received, 0 lost, 1 undecodable\n"));
    assert!(one(|it| it.missed = Some(7)).ends_with(", 7 hook runs skipped by the kernel\n"));
    assert!(one(|it| it.late = 2).ends_with(", 2 late\n"));
    assert!(one(|it| it.early = 3).ends_with(", 3 used early\n"));
    assert!(one(|it| it.filtered = 4).ends_with(", 4 filtered\n"));
    assert!(one(|it| it.evicted = 5).ends_with(", 5 evicted\n"));
    let unjoined = one(|it| {
        let unjoined = it.unjoined_segments.insert(Unjoined::default());
        unjoined.add(Why::Forwarded, 4);
        unjoined.add(Why::SentByNoSocket, 2);
    });
    assert!(unjoined.ends_with(", 6 unjoined segments (2 sent_by_no_socket, 4 forwarded)\n"));
    let lost = one(|it| {
        it.lost.set(Kind::RstSent, 2);
        it.lost.set(Kind::StateChanged, 10);
    });
    assert!(lost.ends_with("12 lost (2 rst_sent, 10 state_changed)\n"));
}

proptest! {
    #[test]
    fn hostile_names_break_no_line(
        ending in arbitrary::ending(),
        event in arbitrary::observation(),
        facts in arbitrary::facts(),
        netns in arbitrary::foreign(),
        stack in arbitrary::stacks::told(),
    ) {
        let explanation = samples::explanation("");
        let stacks = [Some(stack)];
        let explained = Explained {
            owner: Some(&facts),
            netns_name: Some(&netns),
            stacks: &stacks,
            asked: stacks.first().and_then(Option::as_ref),
            ..bare(&ending, &explanation)
        };
        for format in LINES {
            let mut out = Vec::new();
            let mut renderer = format.renderer(options());
            renderer.ending(&explained, &mut out).unwrap();
            renderer.event(&event, &mut out).unwrap();
            let out = String::from_utf8(out).unwrap();
            prop_assert_eq!(out.lines().count(), 2);
            prop_assert!(!out.replace('\n', "").chars().any(char::is_control));
        }
    }
}
