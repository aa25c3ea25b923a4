//! Reports as people get them.

use std::io::Read as _;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    model::stack::Stack,
    render::tests::{bare, options, samples},
    tests::arbitrary,
};

/// The report of everything a run can tell.
fn reported(form: Form, name: &str) -> String {
    let mut report = Report::new(form, name, options());
    let mut out = Vec::new();
    report.start(&samples::start(), &mut out).unwrap();
    for alignment in samples::alignments() {
        report.alignment(&alignment, MonoNs(0), &mut out).unwrap();
    }
    for (ending, explanation) in &samples::endings() {
        report.ending(&bare(ending, explanation), &mut out).unwrap();
    }
    report.summary(&samples::tally(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// What a page carries of a kind, unpacked by means of others.
fn parts(page: &str, kind: &str) -> Vec<Value> {
    let begin = format!("<script type=\"application/x-finrst\" data-part=\"{kind}\">");
    let parts = page.split(&begin).skip(1);
    let unpacked = parts.map(|rest| {
        let text = rest.split_once("</script>").unwrap().0;
        let deflated = page::packed::tests::decoded(text.as_bytes());
        let mut json = Vec::new();
        let mut inflating = flate2::read::ZlibDecoder::new(&deflated[..]);
        inflating.read_to_end(&mut json).unwrap();
        serde_json::from_slice(&json).unwrap()
    });
    unpacked.collect()
}

#[test]
fn text_looks_like_this() {
    insta::assert_snapshot!(reported(Form::Text, "run.finrst"));
}

#[test]
fn a_page_carries_this() {
    let page = reported(Form::Page, "run.finrst");
    let rows = parts(&page, "rows");
    let whole = parts(&page, "whole");
    insta::assert_snapshot!(serde_json::to_string_pretty(&(rows, whole)).unwrap());
}

#[test]
fn the_details_of_a_page_are_the_lines_for_programs() {
    let page = reported(Form::Page, "run.finrst");
    let mut json = crate::render::Format::Json.renderer(options());
    let mut lines = Vec::new();
    json.start(&samples::start(), &mut Vec::new()).unwrap();
    for (ending, explanation) in &samples::endings() {
        json.ending(&bare(ending, explanation), &mut lines).unwrap();
    }
    let lines = String::from_utf8(lines).unwrap();
    let lines: Value = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .collect();
    assert_eq!(parts(&page, "details"), [lines]);
}

#[test]
fn many_endings_are_in_several_parts_that_have_each_once() {
    let mut report = Report::new(Form::Page, "many", options());
    let mut out = Vec::new();
    report.start(&samples::start(), &mut out).unwrap();
    let (ending, explanation) = &samples::endings()[0];
    let count = page::ROWS + page::DETAILS + 1;
    for _ in 0..count {
        report.ending(&bare(ending, explanation), &mut out).unwrap();
    }
    report.summary(&samples::tally(), &mut out).unwrap();
    let page = String::from_utf8(out).unwrap();
    let rows = parts(&page, "rows");
    let counts: Vec<_> = rows
        .iter()
        .map(|it| it["at_us"].as_array().unwrap().len())
        .collect();
    assert_eq!(counts, [page::ROWS, page::DETAILS + 1]);
    let details = parts(&page, "details");
    let counts: Vec<_> = details
        .iter()
        .map(|it| it.as_array().unwrap().len())
        .collect();
    assert!(
        counts[..counts.len() - 1]
            .iter()
            .all(|it| *it == page::DETAILS)
    );
    assert_eq!(counts.iter().sum::<usize>(), count);
    // The page finds an ending's details by this number.
    assert!(page.contains(&format!("partRows: {},", page::DETAILS)));
}

#[test]
fn the_program_of_the_page_asks_for_nothing_and_makes_no_markup() {
    // A drawing refers to its own marks.
    let page = reported(Form::Page, "run.finrst").replace("url(#", "");
    for word in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "fetch(",
        "XMLHttpRequest",
        "import(",
        "src=",
        "@import",
        "url(",
    ] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn hostile_names_break_no_line_of_text() {
    let (ending, explanation) = samples::evil();
    let mut report = Report::new(Form::Text, "run.finrst", options());
    let mut out = Vec::new();
    report.start(&samples::start(), &mut out).unwrap();
    report
        .ending(&bare(&ending, &explanation), &mut out)
        .unwrap();
    report.summary(&samples::tally(), &mut out).unwrap();
    samples::is_tamed(&String::from_utf8(out).unwrap());
}

proptest! {
    #[test]
    fn no_name_changes_the_page_around_it(
        ending in arbitrary::ending(),
        facts in arbitrary::facts(),
        netns in arbitrary::foreign(),
        stack in arbitrary::stacks::told(),
        name in ".{0,40}",
    ) {
        let told = |name: &str, names: Option<&Stack>| {
            let explanation = samples::explanation("</script><script>");
            let stacks = [names.cloned()];
            let explained = Explained {
                owner: names.map(|_| &facts),
                netns_name: names.map(|_| &netns),
                stacks: &stacks,
                asked: names,
                ..bare(&ending, &explanation)
            };
            let mut out = Vec::new();
            let mut report = Report::new(Form::Page, name, options());
            report.start(&samples::start(), &mut out).unwrap();
            report.ending(&explained, &mut out).unwrap();
            report.summary(&samples::tally(), &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let (page, plain) = (told(&name, Some(&stack)), told("plain", None));
        for mark in ["<script", "</script>", "<title>", "</title>", "<style>", "<meta"] {
            prop_assert_eq!(page.matches(mark).count(), plain.matches(mark).count());
        }
        prop_assert_eq!(parts(&page, "details")[0].as_array().unwrap().len(), 1);
    }
}
