//! `finrst catch`: one reset among many graceful ends is saved with everything around it, near misses are
//! not, and memory stays what it is.

mod limits;
mod traffic;
mod watch;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{
    Lab, Test, pcapng,
    recording::tools::{Scratch, replay},
    scenes,
    told::Line,
};
use crate::shell;
use traffic::Traffic;
use watch::{Watch, catch};

/// The tests, by name; for real machines only, where the tools are.
pub(crate) const REAL: &[(&str, Test)] = &[
    ("catch/one_reset_among_many", one_among_many),
    ("catch/nothing_matches", nothing_matches),
    ("catch/interrupted", interrupted),
    ("catch/several", several),
    ("catch/memory_is_bounded", limits::bounded),
    ("catch/no_room", limits::no_room),
    ("catch/refusals", limits::refused),
];

/// Graceful connections around the one that is reset; `FINRST_CATCH` says otherwise.
const CONNECTIONS: u32 = 3_000;

/// What a catch writes.
const FILES: &str = "ending.json ending.txt environment.txt recording.finrst report.html";
/// And what with segments.
const SEGMENTS: &str = "segments.pcapng";

/// A reset of a connection that is older than the window, between graceful ends.
fn one_among_many(lab: &Lab) -> anyhow::Result<()> {
    let connections = match std::env::var("FINRST_CATCH") {
        Ok(number) => number.parse().context("FINRST_CATCH is a whole number")?,
        Err(_) => CONNECTIONS,
    };
    let scratch = Scratch::new()?;
    let out = scratch.file("out");
    let mut command = catch(lab, &["--cause", "linger_zero", "-o", &out]);
    let watch = Watch::start(lab, command.args(["--keep", "2s", "--after", "500ms"]))?;
    let mut traffic = Traffic::new()?;
    let old = traffic.connection()?;
    traffic.graceful(connections / 2)?;
    traffic.steady(Duration::from_secs(10))?;
    let port = old.reset()?;
    traffic.graceful(connections / 2)?;
    let ended = watch.wait()?;
    ended.is(Some(0))?;
    ensure!(ended.printed.trim() == out, "it printed {}", ended.printed);
    let files = files(&out)?;
    ensure!(files == format!("{FILES} {SEGMENTS}"), "there are {files}");
    let told = valid_ending(&out)?;
    is_of(&told, port)?;
    let text = fs::read_to_string(Path::new(&out).join("ending.txt"))?;
    for part in ["why:", "do:", "program stack:", "What usually helps"] {
        ensure!(text.contains(part), "ending.txt has no {part:?}:\n{text}");
    }
    replays_the_same(lab, &out, &told)?;
    let environment = fs::read_to_string(Path::new(&out).join("environment.txt"))?;
    for part in [
        "net.ipv4.tcp_fin_timeout = ",
        "finrst can trace here.",
        "Linux version",
    ] {
        ensure!(
            environment.contains(part),
            "environment.txt has no {part:?}"
        );
    }
    let reset = format!("tcp.flags.reset == 1 && tcp.srcport == {port}");
    for filter in [
        &reset,
        &format!(r#"{reset} && frame.comment contains "cause: linger_zero""#),
    ] {
        let found = pcapng::filtered(&format!("{out}/segments.pcapng"), filter)?;
        ensure!(!found.is_empty(), "no packet is {filter}");
    }
    Ok(())
}

/// The recording tells the ending that was caught, byte for byte the same, and its account holds.
fn replays_the_same(lab: &Lab, out: &str, caught: &Value) -> anyhow::Result<()> {
    let recording = format!("{out}/recording.finrst");
    let told = replay(&lab.finrst, &recording, &["-q", "-o", "json"])?;
    let talk = String::from_utf8_lossy(&told.stderr);
    ensure!(told.status.success(), "it is no recording: {}", talk.trim());
    let text = String::from_utf8(told.stdout)?;
    let same = text
        .lines()
        .filter(|line| line.contains(r#""cause":"linger_zero""#));
    let same: Vec<Value> = same.map(serde_json::from_str).collect::<Result<_, _>>()?;
    ensure!(
        same == [caught.clone()],
        "of the one ending the replay tells {same:#?}\ninstead of {caught:#}"
    );
    let summary = text.lines().last().context("no lines")?;
    let Line::Summary(summary) = serde_json::from_str(summary)? else {
        anyhow::bail!("no summary, but {summary}");
    };
    scenes::accounted(Some(summary))
}

/// The names in a directory that is its owner's alone, as are they.
fn files(directory: &str) -> anyhow::Result<String> {
    let mode =
        |path: &Path| Ok::<_, anyhow::Error>(fs::metadata(path)?.permissions().mode() & 0o777);
    ensure!(mode(Path::new(directory))? == 0o700, "{directory} is open");
    let mut names = Vec::new();
    for file in fs::read_dir(directory)? {
        let file = file?;
        ensure!(
            mode(&file.path())? == 0o600,
            "{} is open",
            file.path().display()
        );
        names.push(file.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names.join(" "))
}

/// The ending of a directory, which is by the schema.
fn valid_ending(directory: &str) -> anyhow::Result<Value> {
    let text = fs::read_to_string(Path::new(directory).join("ending.json"))?;
    let ending: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
    let schema = fs::read_to_string(shell::root().join("docs/schema/finrst.schema.json"))?;
    let schema = jsonschema::draft202012::new(&serde_json::from_str(&schema)?)?;
    let wrong: Vec<_> = schema
        .iter_errors(&ending)
        .map(|it| it.to_string())
        .collect();
    ensure!(wrong.is_empty(), "{wrong:?}: {text}");
    Ok(ending)
}

/// Fails unless an ending is the reset of the client at this port.
fn is_of(ending: &Value, port: u16) -> anyhow::Result<()> {
    let cause = ending.pointer("/cause").and_then(Value::as_str);
    let local = ending
        .pointer("/connection/local/port")
        .and_then(Value::as_u64);
    ensure!(
        (cause, local) == (Some("linger_zero"), Some(port.into())),
        "it is of another: {ending}"
    );
    Ok(())
}

/// Graceful ends are no resets: nothing is caught, and nothing is left behind.
fn nothing_matches(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let out = scratch.file("out");
    let mut command = catch(lab, &["--kind", "rst", "-o", &out, "--timeout", "4s"]);
    let watch = Watch::start(lab, &mut command)?;
    Traffic::new()?.graceful(200)?;
    let ended = watch.wait()?;
    ended.is(Some(124))?;
    ensure!(ended.talk.contains("0 of 1 caught"), "{}", ended.talk);
    ensure!(ended.printed.is_empty(), "it printed {}", ended.printed);
    ensure!(!Path::new(&out).exists(), "a directory is left");
    Ok(())
}

/// Interrupted with nothing caught, it says so; with something caught, that is saved at once.
fn interrupted(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let out = scratch.file("out");
    let watch = Watch::start(lab, &mut catch(lab, &["--kind", "rst", "-o", &out]))?;
    Traffic::new()?.graceful(10)?;
    watch.signal(Signal::SIGINT)?;
    let ended = watch.wait()?;
    ended.is(Some(130))?;
    ensure!(ended.talk.contains("0 of 1 caught"), "{}", ended.talk);
    ensure!(!Path::new(&out).exists(), "a directory is left");

    let mut command = catch(lab, &["--cause", "linger_zero", "-o", &out]);
    let watch = Watch::start(lab, command.args(["--after", "1h"]))?;
    let mut traffic = Traffic::new()?;
    let port = traffic.connection()?.reset()?;
    // Longer than the ending takes to be told; interrupted before, it is told at the end.
    std::thread::sleep(Duration::from_millis(500));
    watch.signal(Signal::SIGINT)?;
    watch.wait()?.is(Some(0))?;
    let told = valid_ending(&out)?;
    is_of(&told, port)?;
    replays_the_same(lab, &out, &told)
}

/// Two endings in two directories, each whole.
fn several(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let out = scratch.file("out");
    let mut command = catch(lab, &["--cause", "linger_zero", "-o", &out]);
    command.args(["--count", "2", "--after", "100ms", "--wire", "off"]);
    let watch = Watch::start(lab, &mut command)?;
    let mut traffic = Traffic::new()?;
    // One after the other was saved: the first has the first alone.
    let mut ports = Vec::new();
    for number in ["1", "2"] {
        ports.push(traffic.connection()?.reset()?);
        if number == "1" {
            watch.until(|| Path::new(&out).join("1/recording.finrst").exists())?;
        }
    }
    let ended = watch.wait()?;
    ended.is(Some(0))?;
    let directories: Vec<_> = ["1", "2"].map(|it| format!("{out}/{it}")).into();
    let printed: Vec<_> = ended.printed.lines().collect();
    ensure!(printed == directories, "it printed {printed:?}");
    for (directory, port) in directories.iter().zip(ports) {
        let told = valid_ending(directory)?;
        is_of(&told, port)?;
        // Nothing is captured: there are no segments.
        ensure!(files(directory)? == FILES, "{}", files(directory)?);
    }
    Ok(())
}
