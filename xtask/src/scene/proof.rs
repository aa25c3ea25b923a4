//! The scenes proved without a tracer: in a namespace of its own, the kernel counts what a scene does.

use std::{
    fs,
    process::{Command, ExitCode},
};

use anyhow::Context as _;

use super::{Options, Scene, director, scenes, truth::Told};

/// Where the kernel counts, as (file, group, counter), and which of a scene's acts it must equal.
const RESETS: (&str, &str, &str) = ("/proc/net/snmp", "Tcp", "OutRsts");

/// Closes that the kernel turned into a reset because of unread data.
const UNREAD: (&str, &str, &str) = ("/proc/net/netstat", "TcpExt", "TCPAbortOnClose");

/// Plays one scene in a namespace of its own and compares.
///
/// # Errors
/// The scene could not be played, or the counters could not be read.
pub(crate) fn prove(scene: &Scene) -> anyhow::Result<ExitCode> {
    let options = Options {
        netns: true,
        ..Options::default()
    };
    let told = director::play(scene, &options)?;
    let resets = (counted(RESETS)?, claimed(&told, "rst_sent/"));
    let unread = (
        counted(UNREAD)?,
        claimed(&told, "rst_sent/closed_with_unread_data")
            + claimed(&told, "rst_sent/process_exit_with_unread_data"),
    );
    let holds = resets.0 == resets.1 && unread.0 == unread.1;
    println!(
        "{} {}: {} resets sent, {} claimed; {} of them for unread data, {} claimed",
        if holds { "ok" } else { "failed" },
        scene.name,
        resets.0,
        resets.1,
        unread.0,
        unread.1,
    );
    Ok(ExitCode::from(u8::from(!holds)))
}

/// Proves every scene, each in a process of its own.
///
/// # Errors
/// A process could not be made.
pub(crate) fn prove_all() -> anyhow::Result<ExitCode> {
    let mut failed = 0_u8;
    for scene in scenes() {
        let proved = Command::new(std::env::current_exe()?)
            .args(["scene", "--prove", scene.name])
            .status()?;
        failed = failed.saturating_add(u8::from(!proved.success()));
    }
    Ok(ExitCode::from(failed.min(1)))
}

/// How many of the acts a scene claims for its own namespace begin like this.
fn claimed(told: &Told, act: &str) -> u64 {
    let here = told.expected.iter().filter(|it| it.netns.is_none());
    let acts = here.flat_map(|ending| &ending.acts);
    u64::try_from(acts.filter(|it| it.starts_with(act)).count()).unwrap_or(u64::MAX)
}

/// One counter of this network namespace: two lines each, the names and then the numbers.
fn counted((file, group, counter): (&str, &str, &str)) -> anyhow::Result<u64> {
    let text = fs::read_to_string(file.replace("/proc/net", "/proc/self/net"))?;
    let prefix = format!("{group}:");
    let mut lines = text.lines().filter(|line| line.starts_with(&prefix));
    let names = lines.next().unwrap_or_default().split_whitespace();
    let numbers = lines.next().unwrap_or_default().split_whitespace();
    let (_, number) = names
        .zip(numbers)
        .find(|(name, _)| *name == counter)
        .with_context(|| format!("{file} has no {counter}"))?;
    Ok(number.parse()?)
}
