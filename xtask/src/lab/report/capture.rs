//! A report of a recording that captured nothing and a file of tcpdump's: what was on the wire is in both.

use anyhow::ensure;
use serde_json::Value;

use super::{at, browser::Browser, found, hand, html, opened, report, told, was_quiet};
use crate::lab::{
    Lab, correlate, latency,
    recording::tools::{Scratch, replay},
};

/// The name of the file, which tells what it saw.
const FILE: &str = "there.pcap";

/// Segments are between the ends in the diagram and in the text, by the name of the file they are of;
/// without the file there are none but guessed ones.
pub(super) fn joined(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let dumps: &[(&str, &[&str])] = &[(FILE, &["-i", "lo", "--nano"])];
    let recording = correlate::recorded(lab, &scratch, &["--stack", "both"], dumps)?;
    let lines = latency::lines(&replay(&lab.finrst, &recording, &["-q", "-o", "json"])?.stdout)?;
    let endings: Vec<_> = lines
        .iter()
        .filter(|it| at(it, "/type") == "ending")
        .collect();
    let pcap = scratch.file(FILE);
    let browser = Browser::new()?;
    opened(&browser, &html(lab, &recording, &[])?)?;
    ensure!(segments(&browser)?.is_empty(), "segments of no capture");
    opened(&browser, &html(lab, &recording, &["--pcap", &pcap])?)?;
    found(&browser, &told(endings.len()))?;
    hand::selected(&browser, &endings)?;
    let seen = segments(&browser)?;
    let by_file = |it: &String| it.contains("RST") && it.ends_with(&format!("on {FILE}"));
    ensure!(seen.iter().any(by_file), "the segments are {seen:?}");
    hand::dark(&browser)?;
    was_quiet(&browser)?;
    let output = report(lab, &[&recording, "--pcap", &pcap])?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{}", output.status);
    let aligned = format!("{FILE}: ");
    let segment = format!("RST+ACK ─▶ on {FILE}");
    for part in [&aligned, &segment] {
        ensure!(text.contains(part), "no {part:?} in {text}");
    }
    Ok(())
}

/// What is told of each segment in the diagram of the first reset that was sent.
fn segments(browser: &Browser) -> anyhow::Result<Vec<String>> {
    browser.click("#clear")?;
    browser.keys("#query", "cause:linger_zero")?;
    browser.wait("table.rows.length < data.rows")?;
    browser.click(".line[data-row]")?;
    browser.wait("document.querySelector('#details svg.sequence')")?;
    let told = browser.run(
        "return [...document.querySelectorAll('.sequence .segment:not(.guessed)')].map(it => it.textContent)",
    )?;
    browser.click("#clear")?;
    let texts = told.as_array().into_iter().flatten();
    Ok(texts.filter_map(Value::as_str).map(str::to_owned).collect())
}
