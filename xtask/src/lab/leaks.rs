//! `finrst leaks`: real connections that are left over, and their near misses.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{Lab, Test, kernel};

mod forgotten;
mod held;
pub(crate) mod many;
mod watch;

use watch::Watch;

/// The tests, by name.
pub(crate) const REAL: &[(&str, Test)] = &[
    ("leaks/of_this_process", of_this_process),
    ("leaks/grow", grow),
    ("leaks/forgotten_in_go", forgotten::forgets),
    ("leaks/closed_in_go", forgotten::closes),
    ("leaks/closed_but_held", held::closed_but_held),
    ("leaks/time_wait_owed", held::time_wait_owed),
    ("leaks/many", many::told),
];

/// Tests of hooks, for every kernel and way.
pub(crate) const TESTS: &[(&str, Test)] = &[("leaks/hooks", hooks)];

/// The hooks that tell of leaks are in place wherever they can be, stacks included.
fn hooks(lab: &Lab) -> anyhow::Result<()> {
    let reached = kernel::reached(lab)?;
    let functions = lab.functions;
    for (name, can_be) in [
        ("accepted", functions),
        ("shutdown_called", functions),
        ("touched", functions || lab.kernel.traces_lengths),
    ] {
        let is = reached.iter().any(|it| it == name);
        ensure!(
            is == can_be,
            "{name}: {is}, not {can_be}; reached: {reached:?}"
        );
    }
    Ok(())
}

/// What `finrst leaks` says of this process, and its exit code.
fn told(lab: &Lab, arguments: &[&str]) -> anyhow::Result<(Vec<Value>, Option<i32>)> {
    let mut command = Command::new(&lab.finrst);
    let pid = std::process::id().to_string();
    let output = command
        .args(["leaks", "-q", "-o", "json", "-p", &pid])
        .args(arguments)
        .output()?;
    let lines = output.stdout.split(|&byte| byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    let lines = lines
        .map(serde_json::from_slice)
        .collect::<Result<_, _>>()?;
    Ok((lines, output.status.code()))
}

/// Sockets of this process that leaked in some way.
fn leaked(lines: &[Value], leak: &str) -> u64 {
    let own = lines.iter().filter(|line| {
        line["type"] == "leak" && line["leak"] == leak && line["held_by"] == "process"
    });
    own.filter_map(|line| line["sockets"].as_u64()).sum()
}

/// A connection with itself: the client's end and the server's.
fn connection() -> anyhow::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    Ok((client, listener.accept()?.0))
}

/// Waits until the peer's FIN is there, without closing.
fn peer_closed(mut end: &TcpStream) -> anyhow::Result<()> {
    let mut byte = [0];
    ensure!(end.read(&mut byte)? == 0, "the peer sent something");
    Ok(())
}

/// A connection with data that nobody reads, one whose peer closed, and one half closed: after they were left over
/// for long enough, and not before.
fn of_this_process(lab: &Lab) -> anyhow::Result<()> {
    let (mut open, other) = connection()?;
    open.write_all(b"not read")?;
    let (code_before, before) = {
        let (lines, code) = told(lab, &["--older-than", "1s"])?;
        (code, lines.iter().filter(|it| it["type"] == "leak").count())
    };
    ensure!(
        (code_before, before) == (Some(0), 0),
        "an open connection is told as {before} leaks, and the exit code is {code_before:?}"
    );
    let (leaky, peer) = connection()?;
    peer.shutdown(Shutdown::Write)?;
    peer_closed(&leaky)?;
    let (lines, code) = told(lab, &["--older-than", "1h"])?;
    ensure!(code == Some(0), "what is young leaked: {lines:?}");
    // A stamp behind a younger segment is off by a second at most, which the age leaves out.
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    let (lines, code) = told(lab, &["--older-than", "1s"])?;
    let told = ["not_closed", "half_closed", "never_read"].map(|leak| leaked(&lines, leak));
    ensure!(
        told == [1, 1, 1] && code == Some(6),
        "{told:?} with code {code:?}: {lines:?}"
    );
    drop((leaky, peer));
    // Who reads slowly has not forgotten.
    (&other).read_exact(&mut [0; 1])?;
    let (lines, code) = self::told(lab, &["--older-than", "1s"])?;
    ensure!(code == Some(0), "what was closed leaks: {lines:?}");
    Ok(())
}

/// Connections forgotten between two looks are growth, by the minute.
fn grow(lab: &Lab) -> anyhow::Result<()> {
    let pid = std::process::id().to_string();
    let mut command = Command::new(&lab.finrst);
    command.args(["leaks", "-q", "-o", "json", "-p", &pid]);
    command.args(["--older-than", "1ms", "--watch", "4s", "--count", "2"]);
    let child = command.stdout(Stdio::piped()).spawn()?;
    // Stopping before it has looked, it would see no growth: it looks within this time.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let mut left_over = Vec::new();
    for _ in 0..5 {
        let (leaky, peer) = connection()?;
        peer.shutdown(Shutdown::Write)?;
        peer_closed(&leaky)?;
        left_over.push((leaky, peer));
    }
    let output = child.wait_with_output()?;
    ensure!(
        output.status.code() == Some(6),
        "it ended with {}",
        output.status
    );
    let text = String::from_utf8(output.stdout)?;
    let lines = text.lines().map(serde_json::from_str::<Value>);
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    let last = lines.iter().rfind(|it| it["leak"] == "not_closed");
    let last = last.with_context(|| format!("nothing leaked: {text}"))?;
    let growth = last["per_minute"].as_f64().context("no growth")?;
    // Five in the time between two looks, which is four seconds and what a look takes.
    ensure!(
        last["sockets"] == 5 && (20.0..=75.1).contains(&growth),
        "{growth} a minute: {text}"
    );
    Ok(())
}
