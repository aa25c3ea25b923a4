//! JSON Lines against the published schema.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::*;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../docs/schema/finrst.schema.json")).unwrap()
});

/// The schema as published: lines of a later finrst may hold more.
pub(in crate::render) static PUBLISHED: LazyLock<Validator> = LazyLock::new(|| validator(&SCHEMA));

/// The schema with every object closed: this finrst prints nothing undocumented.
static STRICT: LazyLock<Validator> = LazyLock::new(|| {
    let mut schema = SCHEMA.clone();
    close(&mut schema);
    validator(&schema)
});

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::meta::validate(schema).unwrap();
    jsonschema::draft202012::new(schema).unwrap()
}

fn is_object(schema: &Value) -> bool {
    let kind = &schema["type"];
    let nullable = kind
        .as_array()
        .is_some_and(|kinds| kinds.contains(&json!("object")));
    (kind == "object" || nullable) && schema["properties"].is_object()
}

fn close(schema: &mut Value) {
    if is_object(schema) {
        schema["additionalProperties"] = json!(false);
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(close),
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

pub(in crate::render) fn complaint(line: &Value) -> Option<String> {
    let mut complaints = PUBLISHED.iter_errors(line).chain(STRICT.iter_errors(line));
    complaints
        .next()
        .map(|it| format!("{}: {it}", it.instance_path()))
}

fn counted(count: u64) -> Unjoined {
    let mut unjoined = Unjoined::default();
    unjoined.add(Why::Forwarded, count);
    unjoined
}

/// The one line `write` makes.
fn line(write: impl FnOnce(&mut dyn Render, &mut Vec<u8>)) -> Value {
    let mut out = Vec::new();
    write(&mut *Format::Json.renderer(options()), &mut out);
    let text = out.strip_suffix(b"\n").unwrap();
    assert!(!text.contains(&b'\n'));
    serde_json::from_slice(text).unwrap()
}

fn ending_line(ending: &Ending) -> Value {
    let explanation = samples::explanation("because");
    let explained = bare(ending, &explanation);
    line(|renderer, out| renderer.ending(&explained, out).unwrap())
}

fn line_with_facts(ending: &Ending, facts: &ProcessFacts, netns: &Foreign) -> Value {
    let explanation = samples::explanation("because");
    let explained = Explained {
        owner: Some(facts),
        netns_name: Some(netns),
        ..bare(ending, &explanation)
    };
    line(|renderer, out| renderer.ending(&explained, out).unwrap())
}

/// An ending of which nothing is known but that it happened.
fn bare_ending() -> Ending {
    let (mut ending, _) = endings().swap_remove(2);
    ending.flow = Flow {
        local: "[::]:0".parse().unwrap(),
        remote: "[::]:0".parse().unwrap(),
        netns: None,
    };
    let act = &mut ending.acts[0];
    act.actor = Actor::Unknown;
    (act.reason, act.provoked_by) = (None, None);
    ending
}

proptest! {
    #[test]
    fn any_ending_fits_the_schema(ending in arbitrary::ending()) {
        prop_assert_eq!(complaint(&ending_line(&ending)), None);
    }

    #[test]
    fn any_facts_fit_the_schema(facts in arbitrary::facts(), netns in arbitrary::foreign()) {
        let line = line_with_facts(&endings()[0].0, &facts, &netns);
        prop_assert_eq!(complaint(&line), None);
        let absent = |name: &str| line["owner"][name].is_null();
        prop_assert_eq!(absent("exe"), facts.exe.is_none());
        prop_assert_eq!(absent("cmdline"), facts.cmdline.is_none());
        prop_assert_eq!(absent("container"), facts.container.is_none());
        prop_assert_eq!(absent("namespace_pid"), facts.namespace_pids.is_empty());
    }

    #[test]
    fn any_event_fits_the_schema(event in arbitrary::observation()) {
        let line = line(|renderer, out| renderer.event(&event, out).unwrap());
        prop_assert_eq!(complaint(&line), None);
    }

    #[test]
    fn any_segment_fits_the_schema(stray in arbitrary::stray()) {
        let line = line(|renderer, out| renderer.segment(&stray, &DEVICES, out).unwrap());
        prop_assert_eq!(complaint(&line), None);
    }

    #[test]
    fn any_account_fits_the_schema(
        counts in any::<[u64; 6]>(),
        by_kind in any::<[u64; 12]>(),
        unjoined in any::<Option<u64>>(),
    ) {
        let mut records = PerKind::default();
        for (kind, count) in Kind::ALL.into_iter().zip(by_kind) {
            records.set(kind, count);
        }
        let [at, undecodable, late, filtered, endings, evicted] = counts;
        let at = MonoNs(at);
        let (emitted, received, lost) = (records, records, records);
        let early = late;
        let tally = Tally {
            at, emitted, received, lost, undecodable, late, early, filtered,
            unjoined_segments: unjoined.map(counted),
            endings, evicted, hurried: late, missed: unjoined,
            delays: unjoined.map(|count| vec![Delay {
                netns: (count % 5 == 0).then_some(7),
                device: (count % 2 == 0).then(|| Foreign::from(&count.to_le_bytes()[..])),
                sent: count % 3 == 0,
                segments: count, contrary: count, p50_ns: count, p99_ns: count, max_ns: count,
            }]),
            captured: unjoined.map(|count| Captured {
                frames: count, dropped: count, unreadable: count, untimed: count, left_out: count,
                syns_left_out: count,
            }),
            clocks: unjoined.map(|count| Clocks {
                steps: count, largest_step_ns: count.cast_signed(), suspends: count,
                suspended_ns: count, error_p50_ns: count, error_max_ns: count,
            }),
        };
        let summary = line(|renderer, out| renderer.summary(&tally, out).unwrap());
        prop_assert_eq!(complaint(&summary), None);
        let loss = Lost { at, records };
        let loss = line(|renderer, out| renderer.lost(&loss, out).unwrap());
        prop_assert_eq!(complaint(&loss), None);
    }
}

#[test]
fn an_alignment_tells_what_is_known_and_null_for_the_rest() {
    let [aligned, other] = alignments();
    let told = |alignment: &Alignment| {
        let at = alignment.fit.map_or(MonoNs(7), |fit| fit.at);
        line(|renderer, out| renderer.alignment(alignment, at, out).unwrap())
    };
    let line = told(&aligned);
    assert_eq!(complaint(&line), None);
    assert_eq!(line["offset_ns"], 94_000_000_000_i64);
    assert_eq!(line["drift_ppm"], 12.345);
    assert_eq!(line["capture_time"], "2026-05-04T12:31:40.000000000Z");
    let line = told(&other);
    assert_eq!(complaint(&line), None);
    assert!(line["offset_ns"].is_null() && line["residual_ns"].is_null());
    assert_eq!(line["mono_ns"], 7);
}

#[test]
fn a_whole_run_fits_the_schema() {
    let out = rendered(Format::Json, options());
    let lines: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for line in &lines {
        assert_eq!(complaint(line), None, "{line}");
    }
    for kind in ["start", "alignment", "ending", "event", "lost", "summary"] {
        assert!(lines.iter().any(|line| line["type"] == kind), "{kind}");
    }
}

#[test]
fn an_ending_of_which_nothing_is_known_fits_the_schema() {
    let line = ending_line(&bare_ending());
    assert_eq!(complaint(&line), None);
    for absent in [
        "/owner",
        "/holders",
        "/kernel_reason",
        "/advice",
        "/segments",
        "/close_called",
        "/destroyed_mono_ns",
        "/rtt_us",
        "/stack",
        "/via",
        "/connection/cookie",
        "/connection/local",
        "/connection/remote",
        "/connection/netns",
        "/connection/uid",
        "/actor/pid",
        "/bytes/unread",
        "/phases_ns/total",
        "/acts/0/condition",
    ] {
        assert_eq!(line.pointer(absent), Some(&Value::Null), "{absent}");
    }
}

/// Pointers to every null in a line.
fn nulls(line: &Value, at: &str, found: &mut Vec<String>) {
    match line {
        Value::Null => found.push(at.to_owned()),
        Value::Object(members) => {
            for (name, value) in members {
                nulls(value, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                nulls(value, &format!("{at}/{index}"), found);
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn a_zero_that_is_known_is_never_null() {
    let line = line_with_facts(&samples::complete(), &nginx(), &Foreign::default());
    assert_eq!(complaint(&line), None);
    let mut found = Vec::new();
    nulls(&line, "", &mut found);
    found.sort();
    insta::assert_snapshot!("facts_not_collected_yet", found.join("\n"));
}

#[test]
fn a_start_without_facts_fits_the_schema() {
    let start = Start {
        kernel: None,
        transport: None,
        points: &[],
        ..start()
    };
    let line = line(|renderer, out| renderer.start(&start, out).unwrap());
    assert_eq!(complaint(&line), None);
}

#[test]
fn the_schema_refuses_wrong_lines() {
    let right = ending_line(&endings()[0].0);
    assert_eq!(complaint(&right), None);
    let wrong: [(&str, Value); 15] = [
        ("/schema", json!(2)),
        ("/type", json!("end")),
        ("/time", json!("2026-05-04T12:30:00Z")),
        ("/mono_ns", json!(-1)),
        ("/mono_ns", json!("5")),
        ("/how", json!("closed")),
        ("/how", Value::Null),
        ("/acts", json!([])),
        ("/acts/0/cause", json!("Peer Closed")),
        ("/connection", Value::Null),
        ("/connection/local/port", json!(65536)),
        (
            "/connection/local",
            json!({"addr": "127.0.0.1", "port": 80, "name": "lo"}),
        ),
        ("/connection/cookie", json!(31)),
        ("/states/0/to", json!("CLOSED")),
        ("/owner/comm", json!("a\nb")),
    ];
    for (pointer, value) in wrong {
        let mut line = right.clone();
        *line.pointer_mut(pointer).unwrap() = value;
        assert!(!PUBLISHED.is_valid(&line), "{pointer}");
    }
}

#[test]
fn no_member_may_be_left_out() {
    let out = rendered(Format::Json, options());
    for text in out.lines() {
        let line: Value = serde_json::from_str(text).unwrap();
        for name in line.as_object().unwrap().keys() {
            let mut short = line.clone();
            short.as_object_mut().unwrap().remove(name);
            assert!(!PUBLISHED.is_valid(&short), "{name} in {text}");
        }
    }
}

#[test]
fn lines_of_a_later_version_may_hold_more() {
    let mut line = ending_line(&endings()[0].0);
    line["phase_of_the_moon"] = json!("full");
    line["connection"]["mark"] = json!(7);
    line["cause"] = json!("a_cause_of_later");
    assert!(PUBLISHED.is_valid(&line));
    assert!(!STRICT.is_valid(&line));
}

#[test]
fn the_decisive_act_is_repeated_at_the_top() {
    let (ending, _) = &endings()[1];
    let line = ending_line(ending);
    for name in ["actor", "how", "cause", "confidence", "kernel_reason"] {
        assert_eq!(line[name], line["acts"][0][name], "{name}");
    }
    assert_eq!(line["kernel_reason"], "TCP_ABORT_ON_CLOSE");
    assert_eq!(line["bytes"]["unread"], 512);
}

#[test]
fn the_owner_is_told_with_what_is_known_of_it() {
    let blue = Foreign::from(&b"blue"[..]);
    let line = line_with_facts(&endings()[0].0, &nginx(), &blue);
    let owner = &line["owner"];
    assert_eq!(owner["namespace_pid"], 7);
    assert_eq!(owner["exe"], "/usr/sbin/nginx");
    assert_eq!(owner["cmdline"], json!(["nginx:", "worker\\u{1b}[2J"]));
    assert_eq!(owner["container"], "0123456789abcdef".repeat(4));
    assert_eq!(owner["container_runtime"], "containerd");
    assert_eq!(owner["pod"], "8a3c51d4-2f6b-4c0e-9d7a-1b2c3d4e5f60");
    assert_eq!(line["connection"]["netns_name"], "blue");
}

#[test]
fn an_id_is_the_sockets_and_tells_two_lives_of_it_apart() {
    let (mut ending, _) = endings().swap_remove(0);
    let id = |ending: &Ending| ending_line(ending)["connection"]["id"].clone();
    assert_eq!(id(&ending), "1f-12a05f200");
    ending.first_seen = MonoNs(16);
    assert_eq!(id(&ending), "1f-10");
    ending.socket = None;
    assert_eq!(id(&ending), "127.0.0.1:80>127.0.0.1:41234@4026531840-10");
}
