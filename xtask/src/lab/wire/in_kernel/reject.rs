//! RSTs that netfilter sends: no socket and no function of TCP has anything to do with them.

use std::{fs, fs::File, path::Path, process::Command, thread, time::Duration};

use anyhow::{bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::{
    lab::{Lab, clock::Deadline, outcome::Skip, played},
    scene::{netns, truth::Told},
    shell,
};

/// What makes the firewall of a namespace answer connections for whoever would.
const RULES: &str = "table inet finrst { chain input { type filter hook input priority 0; \
                     tcp flags & (syn | ack) == syn reject with tcp reset; }; }";

/// What a refusal looks like to finrst.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    /// RSTs that left a device.
    left: usize,
    /// RSTs the kernel's TCP sent in answer.
    answered: usize,
    /// Endings of the client whose RST has its segment.
    joined: usize,
    /// The cause told of them.
    cause: String,
}

/// The firewall's RST is a segment without an event; the kernel's own has both.
pub(super) fn seen(lab: &Lab, wire: &str) -> anyhow::Result<()> {
    if shell::find("nft").is_none() {
        bail!(Skip("there is no nft".to_owned()));
    }
    let firewall = inside(|| refused(lab, wire, true))?;
    let expected = Refused {
        left: 1,
        answered: 0,
        joined: 1,
        cause: "netfilter_reject".to_owned(),
    };
    ensure!(firewall == expected, "of the firewall: {firewall:?}");
    let own = inside(|| refused(lab, wire, false))?;
    let answered = usize::from(lab.sees_answering_resets());
    let expected = Refused {
        answered,
        cause: "refused".to_owned(),
        ..expected
    };
    ensure!(own == expected, "of the kernel: {own:?}");
    Ok(())
}

/// Does something in a network namespace made for it.
fn inside<T: Send>(what: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            netns::enter_new()?;
            what()
        });
        thread.join().unwrap_or_else(|_| bail!("a thread panicked"))
    })
}

/// A connection to a port nobody listens at, with and without a firewall, and what is told of it.
fn refused(lab: &Lab, wire: &str, firewall: bool) -> anyhow::Result<Refused> {
    if firewall {
        let made = Command::new("nft").arg(RULES).output()?;
        let said = String::from_utf8_lossy(&made.stderr);
        if !made.status.success() {
            bail!(Skip(format!("nft cannot: {}", said.trim())));
        }
    }
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("lines");
    let netns = netns::inode()?.to_string();
    let arguments = ["-v", "--netns", &netns, "--wire", wire].map(str::to_owned);
    let mut command = lab.trace(&arguments);
    let mut finrst = command.stdout(File::create(&file)?).spawn()?;
    let pid = Pid::from_raw(finrst.id().cast_signed());
    let played = await_start(lab, &file).and_then(|()| {
        let told = played::play::<Told>("refused", &[]);
        thread::sleep(lab.patience(Duration::from_millis(500)));
        told
    });
    kill(pid, Signal::SIGINT)?;
    let status = finrst.wait()?;
    played?;
    ensure!(status.success(), "finrst ended with {status}");
    let lines = fs::read_to_string(&file)?;
    let lines: Result<Vec<Value>, _> = lines.lines().map(serde_json::from_str).collect();
    Ok(of_lines(&lines?))
}

fn of_lines(lines: &[Value]) -> Refused {
    let count = |wanted: &dyn Fn(&Value) -> bool| lines.iter().filter(|it| wanted(it)).count();
    Refused {
        left: count(&|it| {
            let flags = it["flags"].as_str().unwrap_or_default();
            it["event"] == "segment_seen" && it["direction"] == "tx" && flags.contains('R')
        }),
        answered: count(&|it| it["event"] == "rst_answered"),
        joined: lines.iter().filter(|it| is_joined(it)).count(),
        cause: lines
            .iter()
            .find(|it| is_joined(it))
            .and_then(|it| it["cause"].as_str())
            .unwrap_or_default()
            .to_owned(),
    }
}

/// Whether a line is the ending of whoever got the RST, with its segment.
fn is_joined(line: &Value) -> bool {
    let segments = line["segments"].as_array().map(Vec::as_slice);
    let own = |it: &Value| it["direction"] == "rx" && it["kernel_ns"].is_u64();
    line["how"] == "rst_received" && segments.is_some_and(|all| all.iter().any(own))
}

/// Waits for the first line of a finrst that writes to a file.
fn await_start(lab: &Lab, file: &Path) -> anyhow::Result<()> {
    let deadline = Deadline::after(lab.patience(Duration::from_secs(20)));
    while !fs::read_to_string(file)?.contains("\"type\":\"start\"") {
        if deadline.left().is_zero() {
            bail!("it did not start");
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
