//! Two servers of Go that do the same, one with a plain Close and one that waits for its client's FIN,
//! under one load: how differently they close.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{lines, of_type};
use crate::{
    lab::{
        Lab, Way, go,
        go::Namespace,
        outcome::Skip,
        recording::tools::{Recorder, Scratch},
    },
    setup, shell,
};

/// Visits to each server in the test.
const VISITS: u32 = 400;

/// How long, in seconds, an orphan waits for its peer's FIN there: less than the client that stays
/// away does.
const FIN_TIMEOUT: &str = "1";

/// A server and its port; it goes with its value.
struct Server {
    process: Child,
    port: String,
}

impl Server {
    fn start(mut command: Command, name: &str) -> anyhow::Result<Self> {
        let command = command.arg(name).stdin(Stdio::piped());
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let said = process.stdout.take().context("stdout is piped")?;
        let mut server = Self {
            process,
            port: String::new(),
        };
        BufReader::new(said).read_line(&mut server.port)?;
        server.port = server.port.trim().to_owned();
        ensure!(!server.port.is_empty(), "{name} does not listen");
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _killed = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// What `finrst latency --compare` makes of both after so many visits to each, and the version of Go.
///
/// # Errors
/// There is no Go, or something failed.
pub(crate) fn difference(
    lab: &Lab,
    visits: u32,
    more: &[&str],
) -> anyhow::Result<(Value, &'static str)> {
    let newest = setup::go::outermost().pop();
    let (version, command) = newest.ok_or_else(|| Skip(go::NO_GO.to_owned()))?;
    let scratch = Scratch::new()?;
    let directory = tempfile::tempdir()?;
    let program = go::build_programs(&command, "-s -w", directory.path())?;
    let namespace = Namespace::new()?;
    let timeout = format!("echo {FIN_TIMEOUT} > /proc/sys/net/ipv4/tcp_fin_timeout");
    shell::read(namespace.command(Path::new("sh")).args(["-c", &timeout]))?;
    let [plain, waiting] = ["plain", "waiting"].map(|name| {
        let server = Server::start(namespace.command(&program), name);
        server.with_context(|| name.to_owned())
    });
    let (plain, waiting) = (plain?, waiting?);
    let file = scratch.file("difference");
    let mut finrst = Command::new(&lab.finrst);
    finrst.args(["latency", "-q", "-o", "json", "--netns", &namespace.name]);
    finrst.arg("--compare").args(pids(&plain, &waiting));
    finrst.args(more);
    if lab.way != Way::Auto {
        finrst.args(["--way", lab.way.name()]);
    }
    let recorder = Recorder::start(lab, finrst.stdout(File::create(&file)?), &file)?;
    let mut clients = namespace.command(&program);
    clients.env("VISITS", visits.to_string());
    clients
        .env("PLAIN", &plain.port)
        .env("WAITING", &waiting.port);
    shell::read(clients.arg("visit"))?;
    // Longer than an ending takes to settle.
    thread::sleep(lab.patience(Duration::from_millis(1_500)));
    let code = recorder.stop(Signal::SIGINT)?;
    ensure!(code == Some(0), "it ended with {code:?}");
    let lines = lines(&std::fs::read(&file)?)?;
    let told = of_type(&lines, "difference").next();
    Ok((told.context("no difference is told")?.clone(), version))
}

fn pids(plain: &Server, waiting: &Server) -> [String; 2] {
    [plain, waiting].map(|server| server.process.id().to_string())
}

/// Both answered everybody; who asked twice was reset by the plain one and not by the waiting one. Who
/// stays away for too long has an RST of both in answer to its FIN, which ends nothing more.
pub(super) fn told_apart(lab: &Lab) -> anyhow::Result<()> {
    let (told, _) = difference(lab, VISITS, &[])?;
    for side in ["before", "after"] {
        let endings = told.pointer(&format!("/endings/{side}"));
        let endings = endings.and_then(Value::as_u64);
        ensure!(endings == Some(u64::from(VISITS)), "{side}: {told}");
    }
    let reset = |name: &str| {
        let number = told.pointer(&format!("/reset_share/{name}"));
        number.and_then(Value::as_f64).context("no number")
    };
    let (before, high) = (reset("before")?, reset("high")?);
    ensure!(before > 0.19 && high < -0.1, "{told}");
    Ok(())
}
