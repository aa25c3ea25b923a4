//! What a listing looks like, and that it keeps its promises to programs.

use std::num::NonZeroU64;

use jiff::tz::TimeZone;
use proptest::{collection, prelude::*};
use serde_json::{Value, json};

use super::*;
use crate::{
    model::{
        holder::Provenance,
        known::{Origin, Timer, TimerKind},
        process::Comm,
    },
    render::tests::contract::{PUBLISHED, complaint},
    tests::arbitrary,
};

const BLUE: u32 = 4_026_532_300;

fn holder(pid: u32, fd: u32) -> Holder {
    Holder {
        pid,
        start_ns: Some(1_230_000_000),
        fd: Some(fd),
        comm: Comm(*b"nginx\0\0\0\0\0\0\0\0\0\0\0"),
        uid: 33,
        from: Provenance::Procfs,
    }
}

fn sample(state: TcpState, remote: &str, holders: Vec<Holder>) -> KnownSocket {
    KnownSocket {
        cookie: NonZeroU64::new(0x1f),
        flow: Flow {
            local: "10.0.0.1:80".parse().unwrap(),
            remote: remote.parse().unwrap(),
            netns: Some(BLUE),
        },
        state,
        in_state_ns: None,
        uid: Some(33),
        inode: NonZeroU64::new(4711),
        receive_queue: 5,
        send_queue: Some(600),
        timer: None,
        traffic: None,
        origin: Origin::SockDiag,
        holders,
    }
}

/// A listener several share, a connection of one, one a process must close, one nobody holds and
/// one whose holder is not seen, this from `/proc`.
fn samples() -> Vec<KnownSocket> {
    let shared = vec![
        holder(7, 3),
        holder(7, 9),
        holder(8, 3),
        holder(9, 3),
        holder(10, 3),
    ];
    let mut leaked = sample(TcpState::CloseWait, "10.0.0.2:3998", vec![holder(8, 5)]);
    leaked.holders[0].comm = Comm(*b"a\x1b[2Jb\n\0\0\0\0\0\0\0\0\0");
    leaked.in_state_ns = Some(3_660_000_000_000);
    let mut waiting = sample(TcpState::TimeWait, "10.0.0.2:4000", Vec::new());
    (waiting.inode, waiting.uid) = (None, None);
    waiting.timer = Some(Timer {
        kind: TimerKind::TimeWait,
        expires_ms: 50_000,
        tries: 0,
    });
    waiting.in_state_ns = Some(9_980_000_000);
    let mut hidden = sample(TcpState::Listen, "[::]:0", Vec::new());
    hidden.flow.local = "[::]:443".parse().unwrap();
    hidden.flow.netns = Some(4_026_531_840);
    (hidden.cookie, hidden.send_queue) = (None, None);
    hidden.origin = Origin::Procfs;
    vec![
        sample(TcpState::Listen, "0.0.0.0:0", shared),
        sample(TcpState::Established, "10.0.0.2:3999", vec![holder(8, 4)]),
        leaked,
        waiting,
        hidden,
    ]
}

fn names(name: &[u8]) -> HashMap<u32, Foreign> {
    HashMap::from([(BLUE, Foreign::from(name))])
}

fn text(sockets: &[KnownSocket], colour: bool, header: bool) -> String {
    let listing = Listing {
        at: MonoNs(5),
        sockets,
        netns_names: &names(b"blue"),
    };
    let mut out = Vec::new();
    listing.text(colour, header, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn json(sockets: &[KnownSocket], netns: &[u8]) -> Vec<Value> {
    let listing = Listing {
        at: MonoNs(5),
        sockets,
        netns_names: &names(netns),
    };
    let clock = WallClock::new(0, TimeZone::UTC);
    let mut out = Vec::new();
    listing.json(&clock, &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn people_see_aligned_lines_and_who_shares_what() {
    insta::assert_snapshot!("listing", text(&samples(), false, true));
}

#[test]
fn a_quiet_listing_is_the_same_without_its_header() {
    let whole = text(&samples(), false, true);
    let (_, lines) = whole.split_once('\n').unwrap();
    assert_eq!(text(&samples(), false, false), lines);
}

#[test]
fn colours_come_only_when_asked_for() {
    assert!(!text(&samples(), false, true).contains('\u{1b}'));
    assert!(text(&samples(), true, true).contains("\u{1b}[33mCLOSE_WAIT\u{1b}[0m"));
}

#[test]
fn every_line_tells_what_is_known_and_null_for_what_is_not() {
    let lines = json(&samples(), b"blue");
    for line in &lines {
        assert_eq!(complaint(line), None, "{line}");
    }
    let [shared, sole, leaked, waiting, hidden] = lines.as_slice() else {
        panic!("other lines");
    };
    assert_eq!(shared["confidence"], "unknown");
    assert_eq!(shared["holders"].as_array().unwrap().len(), 5);
    assert_eq!(shared["connection"]["remote"], Value::Null);
    assert_eq!(shared["age"], Value::Null);
    assert_eq!(sole["confidence"], "likely");
    assert_eq!(sole["connection"]["cookie"], "1f");
    assert_eq!(sole["connection"]["netns_name"], "blue");
    assert_eq!(sole["holders"][0]["fd"], 4);
    assert_eq!(sole["holders"][0]["start_ns"], 1_230_000_000);
    assert_eq!(leaked["age"]["at_least_ns"], 3_660_000_000_000_u64);
    assert_eq!(leaked["holders"][0]["comm"], "a\\u{1b}[2Jb\\n");
    assert_eq!(waiting["holders"], json!([]));
    assert_eq!(waiting["confidence"], Value::Null);
    assert_eq!(waiting["connection"]["uid"], Value::Null);
    assert_eq!(waiting["timer"]["expires_ms"], 50_000);
    assert_eq!(hidden["holders"], Value::Null);
    assert_eq!(hidden["confidence"], "unknown");
    assert_eq!(hidden["connection"]["netns_name"], Value::Null);
}

#[test]
fn the_schema_refuses_wrong_lines_and_short_ones() {
    let right = json(&samples(), b"blue").swap_remove(1);
    let wrong: [(&str, Value); 8] = [
        ("/state", json!("OPEN")),
        ("/age", json!({"at_least_ns": 0})),
        ("/age", json!({})),
        ("/confidence", json!("exact")),
        ("/provenance", json!("guess")),
        ("/holders", json!([{"pid": 1}])),
        ("/holders/0/comm", json!("a\nb")),
        ("/inode", json!(0)),
    ];
    for (pointer, value) in wrong {
        let mut line = right.clone();
        *line.pointer_mut(pointer).unwrap() = value;
        assert!(!PUBLISHED.is_valid(&line), "{pointer}");
    }
    for name in right.as_object().unwrap().keys() {
        let mut short = right.clone();
        short.as_object_mut().unwrap().remove(name);
        assert!(!PUBLISHED.is_valid(&short), "{name}");
    }
}

proptest! {
    #[test]
    fn any_socket_fits_the_schema(
        sockets in collection::vec(arbitrary::known(), 1..3),
        netns in collection::vec(any::<u8>(), 0..20),
    ) {
        let lines = json(&sockets, &netns);
        prop_assert_eq!(lines.len(), sockets.len());
        for line in lines {
            prop_assert_eq!(complaint(&line), None);
        }
    }

    #[test]
    fn hostile_names_break_no_line(sockets in collection::vec(arbitrary::known(), 0..3)) {
        let text = text(&sockets, false, true);
        prop_assert_eq!(text.lines().count(), sockets.len() + 1);
        prop_assert!(!text.replace('\n', "").chars().any(char::is_control));
    }
}
