//! Latencies as people and programs get them.

use super::*;
use crate::render::tests::{bare, contract::complaint, options, samples};

fn told(format: Format, by: By, interval_ns: Option<u64>) -> String {
    let telling = Telling {
        by,
        interval_ns,
        plot: None,
    };
    let mut latency = Latency::new(format, telling, options());
    let mut out = Vec::new();
    latency.start(&samples::start(), &mut out).unwrap();
    latency.reached(MonoNs(3_000_000_000), &mut out).unwrap();
    for (ending, explanation) in &samples::endings() {
        latency
            .ending(&bare(ending, explanation), &mut out)
            .unwrap();
        latency.reached(ending.until, &mut out).unwrap();
    }
    latency.summary(&samples::tally(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn tables_by_process_look_like_this() {
    insta::assert_snapshot!(told(Format::Text, By::Process, None));
}

#[test]
fn lines_by_cause_look_like_this() {
    insta::assert_snapshot!(told(Format::Json, By::Cause, None));
}

#[test]
fn every_interval_is_told_and_the_whole_at_the_end() {
    let text = told(Format::Text, By::All, Some(1_000_000_000));
    insta::assert_snapshot!(text);
}

#[test]
fn every_line_for_programs_is_by_the_schema() {
    for by in By::ALL {
        for line in told(Format::Json, by, Some(1_000_000_000)).lines() {
            let line = serde_json::from_str(line).unwrap();
            assert_eq!(complaint(&line), None, "{line}");
        }
    }
}

#[test]
fn curves_are_one_drawing_whatever_names_are_in_it() {
    let mut latencies = Latencies::new(By::Process);
    for (ending, _) in &samples::endings() {
        latencies.add(ending, None);
    }
    let mut svg = Vec::new();
    plot::write(&latencies, &mut svg).unwrap();
    let svg = String::from_utf8(svg).unwrap();
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("nginx[1234], 1 endings"), "{svg}");
    assert_eq!(svg.matches('<').count(), svg.matches('>').count());
}

#[test]
fn hostile_names_break_no_line_of_any_form() {
    let (ending, explanation) = samples::evil();
    let explained = bare(&ending, &explanation);
    for format in [Format::Text, Format::Json] {
        let telling = Telling {
            by: By::Process,
            interval_ns: None,
            plot: None,
        };
        let mut latency = Latency::new(format, telling, options());
        let mut out = Vec::new();
        latency.ending(&explained, &mut out).unwrap();
        latency.summary(&samples::tally(), &mut out).unwrap();
        samples::is_tamed(&String::from_utf8(out).unwrap());
    }
    let mut latencies = Latencies::new(By::Process);
    latencies.add(&ending, None);
    let mut svg = Vec::new();
    plot::write(&latencies, &mut svg).unwrap();
    samples::is_tamed(&String::from_utf8(svg).unwrap());
}
