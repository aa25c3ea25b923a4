//! What finrst refuses: each with the documented exit code and a reason on stderr.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    process::Command,
    time::Duration,
};

use anyhow::{bail, ensure};

use super::{Lab, Test, clock::Deadline};

/// The user and group `nobody`.
const NOBODY: u32 = 65_534;

/// The tests, by name.
pub(crate) const TESTS: &[(&str, Test)] = &[
    ("refuse/unknown_pid", unknown_pid),
    ("refuse/unparsable_net", unparsable_net),
    ("refuse/long_comm", long_comm),
    ("refuse/unknown_option", unknown_option),
    ("refuse/command_missing", command_missing),
    ("refuse/no_btf", no_btf),
    ("refuse/unprivileged", unprivileged),
];

/// A pid above any this kernel can give (`PID_MAX_LIMIT`).
fn unknown_pid(lab: &Lab) -> anyhow::Result<()> {
    refused(lab, &["-p", "4194305"], 2, "4194305")
}

/// A prefix that is none.
fn unparsable_net(lab: &Lab) -> anyhow::Result<()> {
    refused(lab, &["--net", "10.0.0.0/33"], 2, "10.0.0.0/33")
}

/// A name no task can have: 16 bytes, one too many.
fn long_comm(lab: &Lab) -> anyhow::Result<()> {
    refused(lab, &["--comm", "sixteen-bytes-xx"], 2, "sixteen-bytes-xx")
}

/// An option there is not.
fn unknown_option(lab: &Lab) -> anyhow::Result<()> {
    refused(lab, &["--no-such-option"], 2, "--no-such-option")
}

/// A command there is not: the status shells give for it.
fn command_missing(lab: &Lab) -> anyhow::Result<()> {
    // The hooks are in place by then, so stdout has said `start`.
    let missing = "/nonexistent/program";
    let arguments = ["--".to_owned(), missing.to_owned()];
    ends_with(lab, lab.trace(&arguments), 127, missing).map(drop)
}

/// A file given for the description of the kernel's types that is not there.
fn no_btf(lab: &Lab) -> anyhow::Result<()> {
    refused(lab, &["--btf", "/nonexistent"], 2, "/nonexistent")
}

/// No privileges: the reason names what is missing.
fn unprivileged(lab: &Lab) -> anyhow::Result<()> {
    // Where finrst was built need not be open to everybody; a copy in the usual place is.
    let copy = std::env::temp_dir().join(format!("finrst-lab-{}", std::process::id()));
    fs::copy(&lab.finrst, &copy)?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755))?;
    let mut command = Command::new(&copy);
    command.args(["trace", "-o", "json", "--duration", "1s"]);
    command.uid(NOBODY).gid(NOBODY);
    let refused = ends_with(lab, command, 3, "CAP_");
    fs::remove_file(&copy)?;
    ensure!(refused?.is_empty(), "a refusal belongs on stderr");
    Ok(())
}

/// `finrst trace` with these arguments is refused.
fn refused(lab: &Lab, arguments: &[&str], code: i32, reason: &str) -> anyhow::Result<()> {
    let arguments: Vec<_> = arguments.iter().map(|&it| it.to_owned()).collect();
    let said = ends_with(lab, lab.trace(&arguments), code, reason)?;
    ensure!(said.is_empty(), "a refusal belongs on stderr");
    Ok(())
}

/// The command ends soon, with this exit code and a reason that says this; returns its stdout.
fn ends_with(lab: &Lab, mut command: Command, code: i32, reason: &str) -> anyhow::Result<Vec<u8>> {
    let mut child = command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    let deadline = Deadline::after(lab.patience(Duration::from_secs(5)));
    while child.try_wait()?.is_none() {
        if deadline.left().is_zero() {
            child.kill()?;
            child.wait()?;
            bail!("it was not refused");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let ended = child.wait_with_output()?;
    let talk = String::from_utf8_lossy(&ended.stderr);
    ensure!(
        ended.status.code() == Some(code),
        "it ended with {} instead of {code}: {}",
        ended.status,
        talk.trim()
    );
    ensure!(
        talk.contains(reason),
        "{reason:?} is not in: {}",
        talk.trim()
    );
    ensure!(!talk.contains("panicked"), "it panicked: {}", talk.trim());
    Ok(ended.stdout)
}
