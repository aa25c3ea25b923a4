//! `-o pcapng`: what tcpdump, tshark and capinfos make of real endings, and how such a run stops.

use std::{
    fs::{self, File},
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::Signal;

use super::{
    Lab, Test, Way,
    outcome::Skip,
    played,
    recording::tools::{Recorder, Scratch, record, replay},
    refusals,
    stopping::goes_quietly,
};
use crate::{scene::truth::Told, shell};

/// The tests, by name; for real machines only, where the tools are and the wire is read in time.
pub(crate) const REAL: &[(&str, Test)] = &[
    ("pcapng/filterable", filterable),
    ("pcapng/refused_with_its_syn", refused_with_its_syn),
    ("pcapng/same_bytes_again", same_bytes_again),
    ("pcapng/killed", killed),
    ("pcapng/reader_gone", reader_gone),
    ("pcapng/refusals", refused),
];

/// `finrst trace -o pcapng` with a capture.
fn trace(lab: &Lab, arguments: &[&str]) -> Command {
    let mut command = Command::new(&lab.finrst);
    command.args(["trace", "--wire", "afpacket", "-o", "pcapng"]);
    if lab.way != Way::Auto {
        command.args(["--way", lab.way.name()]);
    }
    command.args(arguments);
    command
}

/// Plays a reset and a graceful close under a tracer that writes into `file`.
fn play(lab: &Lab, file: &str, arguments: &[&str], signal: Signal) -> anyhow::Result<[Told; 2]> {
    let mut command = trace(lab, arguments);
    let recorder = Recorder::start(lab, command.stdout(File::create(file)?), file)?;
    let reset = played::play("linger_zero", &[])?;
    let closed = played::play("client_closes_first", &[])?;
    // Longer than an ending takes to settle.
    thread::sleep(lab.patience(Duration::from_millis(1_600)));
    let code = recorder.stop(signal)?;
    ensure!(
        signal == Signal::SIGKILL || code == Some(0),
        "the run ended with {code:?}"
    );
    Ok([reset, closed])
}

/// Asks a tool about a file; skips the test where there is no such tool.
fn ask(program: &str, arguments: &[&str], file: &str) -> anyhow::Result<String> {
    if shell::find(program).is_none() {
        bail!(Skip(format!("there is no {program}")));
    }
    let arguments = [arguments, &[file]].concat();
    let answer = Command::new(program).args(arguments).output()?;
    let talk = String::from_utf8_lossy(&answer.stderr);
    ensure!(answer.status.success(), "{program}: {}", talk.trim());
    Ok(String::from_utf8(answer.stdout)?)
}

/// The packets of a file that tshark's display filter lets through, as lines of its summary.
pub(in crate::lab) fn filtered(file: &str, filter: &str) -> anyhow::Result<Vec<String>> {
    let fields = [
        "-n",
        "-T",
        "fields",
        "-E",
        "separator=,",
        "-e",
        "tcp.flags.str",
    ];
    let more = [
        "-e",
        "frame.interface_name",
        "-e",
        "tcp.srcport",
        "-Y",
        filter,
        "-r",
    ];
    let lines = ask("tshark", &[&fields[..], &more].concat(), file)?;
    Ok(lines.lines().map(ToOwned::to_owned).collect())
}

/// Every packet of a reset and of a graceful close is found by the cause and the process in its
/// comments, once, with its own flags.
fn filterable(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let file = scratch.file("run.pcapng");
    let [reset, closed] = play(lab, &file, &[], Signal::SIGINT)?;
    let (hard, soft) = (reset.client.pid, closed.client.pid);
    let cases = [
        // Who closed hard sent the one RST, who was reset took it in.
        (hard, "linger_zero", "R", 1),
        (reset.server.pid, "peer_reset", "R", 1),
        // Two FINs for each end of the other, whoever closed first.
        (soft, "app_close", "F", 2),
        (closed.server.pid, "peer_closed", "F", 2),
    ];
    for (pid, cause, flag, count) in cases {
        let filter = format!(
            r#"frame.comment matches "(?m)^PID: {pid}$" && frame.comment contains "cause: {cause}""#
        );
        let found = filtered(&file, &filter)?;
        ensure!(
            found.len() == count
                && found
                    .iter()
                    .all(|it| it.contains(flag) && it.contains("lo")),
            "{filter} finds {found:?}"
        );
        let anything = format!(r#"frame.comment matches "(?m)^PID: {pid}$""#);
        let all = filtered(&file, &anything)?;
        ensure!(
            all == found,
            "of {pid} there is {all:?}, {cause} is {found:?}"
        );
    }
    let none = filtered(
        &file,
        r#"frame.comment contains "cause: keepalive_timeout""#,
    )?;
    ensure!(none.is_empty(), "nobody kept anything alive: {none:?}");
    opens(&file)
}

/// A connection that is refused has its SYN in the file, one that came to be has none.
fn refused_with_its_syn(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let file = scratch.file("run.pcapng");
    let recorder = Recorder::start(lab, trace(lab, &[]).stdout(File::create(&file)?), &file)?;
    let closed = played::play::<Told>("client_closes_first", &[])?;
    let refused = played::play::<Told>("refused", &[])?;
    thread::sleep(lab.patience(Duration::from_millis(1_600)));
    let code = recorder.stop(Signal::SIGINT)?;
    ensure!(code == Some(0), "the run ended with {code:?}");
    for (told, count) in [(refused, 1), (closed, 0)] {
        let pid = told.client.pid;
        let filter = format!(r#"tcp.flags.syn == 1 && frame.comment matches "(?m)^PID: {pid}$""#);
        let found = filtered(&file, &filter)?;
        ensure!(found.len() == count, "{}: {found:?}", told.scene);
    }
    Ok(())
}

/// tcpdump reads the file, and capinfos knows the machine, the program and the resolution.
fn opens(file: &str) -> anyhow::Result<()> {
    let dump = ask("tcpdump", &["-nn", "-r"], file)?;
    let flags = |flags: &str| dump.lines().any(|line| line.contains(flags));
    ensure!(flags("Flags [R") && flags("Flags [F"), "tcpdump: {dump}");
    let infos = ask("capinfos", &[], file)?;
    for wanted in ["finrst", "Linux", "nanoseconds (9)", "Name = any"] {
        ensure!(infos.contains(wanted), "no {wanted:?} in {infos}");
    }
    Ok(())
}

/// A replay of the recording made beside it writes the same bytes.
fn same_bytes_again(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let (file, recording) = (scratch.file("run.pcapng"), scratch.file("recording"));
    let arguments = ["--record", &recording, "--explain"];
    let _told = play(lab, &file, &arguments, Signal::SIGINT)?;
    let again = replay(&lab.finrst, &recording, &["-o", "pcapng", "--explain"])?;
    let talk = String::from_utf8_lossy(&again.stderr);
    ensure!(again.status.success(), "the replay failed: {}", talk.trim());
    let live = fs::read(&file)?;
    ensure!(
        live == again.stdout,
        "{} bytes became {}",
        live.len(),
        again.stdout.len()
    );
    opens(&file)
}

/// SIGKILL: what was told is in the file, and the file opens.
fn killed(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let file = scratch.file("run.pcapng");
    let [reset, _] = play(lab, &file, &[], Signal::SIGKILL)?;
    let filter = format!(r#"frame.comment matches "(?m)^PID: {}$""#, reset.client.pid);
    let found = filtered(&file, &filter)?;
    ensure!(found.len() == 1, "of the reset there is {found:?}");
    opens(&file)
}

/// When nobody reads any more, it goes quietly.
fn reader_gone(lab: &Lab) -> anyhow::Result<()> {
    let mut child = trace(lab, &[])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdout = child.stdout.take().context("stdout is piped")?;
    stdout.read_exact(&mut [0; 64])?;
    drop(stdout);
    goes_quietly(lab, child, "linger_zero")
}

/// Without a capture, with events, and on a terminal it is refused, each with a way out.
fn refused(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let recording = scratch.file("recording");
    let recorder = Recorder::start(lab, &mut record(lab, &["-o", &recording]), &recording)?;
    recorder.stop(Signal::SIGINT)?;
    let mut without = Command::new(&lab.finrst);
    without.args(["trace", "-o", "pcapng"]);
    refusals::ends_with(lab, without, 2, "--wire afpacket")?;
    let mut of_none = Command::new(&lab.finrst);
    of_none.args(["trace", "-o", "pcapng", "--replay", &recording]);
    refusals::ends_with(lab, of_none, 2, "record --wire afpacket")?;
    refusals::ends_with(lab, trace(lab, &["-v"]), 2, "no packets")?;
    on_terminal(lab)
}

/// `script` gives it a terminal, and hands on its exit code.
fn on_terminal(lab: &Lab) -> anyhow::Result<()> {
    if shell::find("script").is_none() {
        bail!(Skip("there is no script".to_owned()));
    }
    let traced = trace(lab, &[]);
    let words = traced.get_args().map(|word| word.to_string_lossy());
    let words: Vec<_> = words.collect();
    let line = format!("{} {}", Path::new(&lab.finrst).display(), words.join(" "));
    let ended = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&ended.stdout);
    ensure!(
        ended.status.code() == Some(2) && said.contains("> run.pcapng"),
        "on a terminal it ended with {}: {said}",
        ended.status
    );
    Ok(())
}
