//! `finrst report`: its page in a browser, found, sorted, looked at and read in the dark; and its text.

mod browser;
mod capture;
mod hand;

use std::{
    net::{Ipv4Addr, TcpListener},
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use self::{
    browser::Browser,
    hand::{dark, searched, selected, sorted},
};
use super::{
    Lab, Test, latency, played,
    recording::tools::{Recorder, Scratch, record, replay},
};
use crate::scene::storm::Storm;

/// The tests, by name.
pub(crate) const REAL: &[(&str, Test)] = &[
    ("report/page", page),
    ("report/hundred_thousand", hundred_thousand),
    ("report/hostile_names", hostile_names),
    ("report/text", text),
    ("report/capture", capture::joined),
];

/// Until when a page with many endings must be there.
const LOADED_MS: u64 = 3_000;

/// How many endings such a page has, and the connections they come of, each with two.
const MANY: u64 = 100_000;
const SQUALLS: u32 = 20;
const SQUALL: &str = "5000";

/// Writes the page of a recording, and says where.
fn html(lab: &Lab, file: &str, more: &[&str]) -> anyhow::Result<String> {
    let page = format!("{file}.html");
    let output = report(lab, &[&[file, "--html", &page], more].concat())?;
    let talk = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "it failed: {}", talk.trim());
    ensure!(
        output.stdout.is_empty(),
        "a page is not for standard output"
    );
    ensure!(talk.contains(&page), "it does not say where: {talk}");
    Ok(page)
}

fn report(lab: &Lab, arguments: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new(&lab.finrst);
    Ok(command.arg("report").args(arguments).output()?)
}

/// Opens a page; how many milliseconds it took until it could be used.
fn opened(browser: &Browser, page: &str) -> anyhow::Result<u64> {
    // A name may have anything in it.
    let path = page
        .replace('%', "%25")
        .replace('#', "%23")
        .replace('?', "%3F");
    browser.open(&format!("file://{path}"))?;
    let ready = browser.wait("document.documentElement.dataset.ready")?;
    let ready = ready.as_str().context("not a text")?;
    Ok(ready.parse()?)
}

/// The page's own word on how many endings are found.
fn found(browser: &Browser, expected: &str) -> anyhow::Result<()> {
    let said = "document.getElementById('found').textContent";
    let told = browser.wait(&format!("{said} === '{expected}'"));
    told.map(drop).with_context(|| {
        let said = browser.run(&format!("return {said}"));
        format!("{said:?} instead of {expected}")
    })
}

/// Nobody complained, and nothing was asked for beyond the page itself.
fn was_quiet(browser: &Browser) -> anyhow::Result<()> {
    let console = browser.console()?;
    ensure!(console.is_empty(), "on the console: {console:?}");
    let asked = browser.run("return performance.getEntriesByType('resource').length")?;
    ensure!(asked == 0, "{asked} things were asked for");
    Ok(())
}

/// Searched, sorted, selected by mouse and by keys, and dark, by hand as far as a program has one.
fn page(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let file = latency::recorded(lab, &scratch, "graceful,reset,unread")?;
    let lines = latency::lines(&replay(&lab.finrst, &file, &["-q", "-o", "json"])?.stdout)?;
    let endings: Vec<_> = lines
        .iter()
        .filter(|it| at(it, "/type") == "ending")
        .collect();
    let all = endings.len();
    let browser = Browser::new()?;
    opened(&browser, &html(lab, &file, &[])?)?;
    found(&browser, &told(all))?;
    searched(&browser, &endings)?;
    sorted(&browser)?;
    selected(&browser, &endings)?;
    dark(&browser)?;
    was_quiet(&browser)
}

/// What is at a place in a value (RFC 6901); null where there is nothing.
fn at<'a>(value: &'a Value, place: &str) -> &'a Value {
    value.pointer(place).unwrap_or(&Value::Null)
}

/// As the page tells a number of endings.
fn told(count: usize) -> String {
    format!(
        "{} ending{}",
        grouped(count),
        if count == 1 { "" } else { "s" }
    )
}

/// With a comma at the thousands.
fn grouped(count: usize) -> String {
    match count {
        0..1_000 => count.to_string(),
        _ => format!("{},{:03}", count / 1_000, count % 1_000),
    }
}

/// More endings than anybody reads: the page is there within its time, and holds lines in sight alone.
fn hundred_thousand(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let file = scratch.file("many");
    let mut command = record(
        lab,
        &["--stack", "none", "--buffer-size", "32768", "-o", &file],
    );
    let recorder = Recorder::start(lab, &mut command, &file)?;
    // In squalls: twice as many as are needed, so that what is lost of some does not matter.
    for _ in 0..SQUALLS {
        let mix = ["--connections", SQUALL, "--mix", "graceful,reset,unread"];
        let _told: Storm = played::play("storm", &mix)?;
        thread::sleep(Duration::from_millis(100));
    }
    // Longer than an ending takes to settle.
    thread::sleep(Duration::from_millis(1_600));
    let code = recorder.stop(Signal::SIGINT)?;
    ensure!(code == Some(0), "the recording ended with {code:?}");
    bar_for_people(lab, &file)?;
    let page = html(lab, &file, &["--count", &MANY.to_string()])?;
    let browser = Browser::new()?;
    let mut took = Vec::new();
    for _ in 0..3 {
        took.push(opened(&browser, &page)?);
    }
    let rows = browser.run("return data.rows")?;
    ensure!(rows == MANY, "{rows} endings came of the storm");
    let fastest = took.iter().min().copied().unwrap_or(u64::MAX);
    ensure!(fastest < LOADED_MS, "{rows} endings took {took:?} ms");
    super::print(&format!(
        "{rows} endings: the page was there after {took:?} ms"
    ));
    browser.click("[data-column=remote]")?;
    browser.keys("#query", "linger_zero -pid:-")?;
    browser.wait("table.rows.length < data.rows")?;
    browser.click("#clear")?;
    browser.keys("#table", "\u{e010}")?;
    browser.wait("document.querySelector('#details svg.sequence')")?;
    let last = browser.run("return table.rows.indexOf(table.selected) + 1")?;
    ensure!(last == rows, "the last of {rows} is {last}");
    let lines = browser.run("return document.querySelectorAll('.line').length")?;
    ensure!(
        lines.as_u64().is_some_and(|it| (5..100).contains(&it)),
        "{lines} lines"
    );
    was_quiet(&browser)
}

/// Long work shows how far it is on a terminal, and leaves no trace of that; nobody else is told.
fn bar_for_people(lab: &Lab, file: &str) -> anyhow::Result<()> {
    let command = format!("{} report {file} > /dev/null", lab.finrst.display());
    let on_terminal = |terminal: bool| -> anyhow::Result<String> {
        let mut shell = if terminal {
            let mut script = Command::new("script");
            script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
            script
        } else {
            let mut shell = Command::new("sh");
            shell.args(["-c", &command]);
            shell
        };
        let output = shell.stdin(Stdio::null()).output()?;
        let talk = [output.stdout, output.stderr].concat();
        let talk = String::from_utf8_lossy(&talk).into_owned();
        ensure!(output.status.success(), "{}: {talk}", output.status);
        Ok(talk)
    };
    let (people, programs) = (on_terminal(true)?, on_terminal(false)?);
    let bars = people.matches("\rmany ").count();
    ensure!(bars > 0, "no bar on a terminal: {people:?}");
    ensure!(people.ends_with("\r\x1b[K"), "the bar stays: {people:?}");
    ensure!(programs.is_empty(), "programs were told: {programs:?}");
    Ok(())
}

/// A program and a file with names that would be markup.
fn hostile_names(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let file = scratch.file("<img src=x onerror=alert(1)>");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let mut command = record(lab, &["--remote-port", &port.to_string(), "-o", &file]);
    let recorder = Recorder::start(lab, &mut command, &file)?;
    let ended = format!(
        r"import socket, time
open('/proc/self/comm', 'wb').write(b'</b>\n\x1b\xff<img>')
socket.create_connection(('127.0.0.1', {port})).close()
time.sleep(2)"
    );
    let mut child = Command::new("python3").args(["-c", &ended]).spawn()?;
    drop(listener.accept()?);
    ensure!(child.wait()?.success(), "the program failed");
    let code = recorder.stop(Signal::SIGINT)?;
    ensure!(code == Some(0), "the recording ended with {code:?}");
    let browser = Browser::new()?;
    opened(&browser, &html(lab, &file, &[])?)?;
    let owners = browser
        .run("return [...document.querySelectorAll('.cell.owner')].map(it => it.textContent)")?;
    let owners: Vec<_> = owners
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let name = r"</b>\n\u{1b}\xff<img>";
    ensure!(owners.contains(&name), "the owners are {owners:?}");
    let made = browser.run("return document.querySelectorAll('img, b').length")?;
    ensure!(made == 0, "{made} elements came of names");
    let title = browser.run("return document.getElementById('name').textContent")?;
    ensure!(
        title == "<img src=x onerror=alert(1)>",
        "the title is {title}"
    );
    browser.click(".line[data-row]")?;
    browser.wait("document.querySelector('#details svg.sequence')")?;
    was_quiet(&browser)
}

/// Text has the same numbers, no colours for a file, and goes quietly when its reader does.
fn text(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let file = latency::recorded(lab, &scratch, "graceful,reset")?;
    let lines = latency::lines(&replay(&lab.finrst, &file, &["-q", "-o", "json"])?.stdout)?;
    let endings = lines.iter().filter(|it| at(it, "/type") == "ending");
    let resets = endings
        .clone()
        .filter(|it| at(it, "/cause") == "linger_zero")
        .count();
    let output = report(lab, &[&file])?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(
        output.status.success() && output.stderr.is_empty(),
        "it failed or talked"
    );
    let head = format!("{} endings, ", endings.count());
    ensure!(
        text.lines().any(|it| it.starts_with(&head)),
        "no {head}: {text}"
    );
    let cause = text.lines().find(|it| it.starts_with("linger_zero"));
    let told = cause.and_then(|it| it.split_whitespace().nth(1));
    ensure!(
        told == Some(&resets.to_string()),
        "{told:?} of {resets} are told: {text}"
    );
    ensure!(!text.contains('\u{1b}'), "colours in a file");
    let mut command = Command::new(&lab.finrst);
    let child = command.args(["report", &file]).stdout(Stdio::piped());
    let mut child = child.stderr(Stdio::piped()).spawn()?;
    drop(child.stdout.take());
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success() && output.stderr.is_empty(),
        "without a reader it ends with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
