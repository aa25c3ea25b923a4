//! What bounds a catch: memory, room on the disk, and what makes no sense.

use std::{fs, process::Command, time::Duration};

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;

use super::{
    FILES, files, is_of,
    traffic::Traffic,
    valid_ending,
    watch::{Watch, catch},
};
use crate::lab::{
    Lab,
    recording::tools::{Scratch, replay},
    refusals,
};

/// So little is kept, and remembered of connections that are gone, that all of it fills at once.
const LITTLE: [&str; 6] = ["--keep", "1s", "--memory", "4MiB", "--sockets", "500"];

/// Under load for longer than the window its memory does not grow.
pub(super) fn bounded(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let out = scratch.file("out");
    let mut command = catch(lab, &["--kind", "rst", "-o", &out]);
    let watch = Watch::start(lab, command.args(LITTLE))?;
    let mut traffic = Traffic::new()?;
    let mut sizes = Vec::new();
    for _ in 0..9 {
        traffic.steady(Duration::from_secs(2))?;
        sizes.push(watch.resident_kib()?);
    }
    watch.signal(Signal::SIGINT)?;
    watch.wait()?.is(Some(130))?;
    // The first twelve seconds fill it.
    let (first, rest) = sizes.split_at(6);
    let (before, after) = (first.iter().max(), rest.iter().max());
    let grown = after
        .zip(before)
        .map(|(after, before)| after.saturating_sub(*before));
    ensure!(
        grown.is_some_and(|grown| grown < 4 << 10),
        "it grew: {sizes:?} KiB"
    );
    Ok(())
}

/// No room for the recording and the page: both are said, and cost nothing else.
pub(super) fn no_room(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let out = scratch.file("out");
    let inner = catch(
        lab,
        &["--cause", "linger_zero", "-o", &out, "--wire", "off"],
    );
    let mut limited = Command::new("sh");
    // Blocks of 512 bytes or 1 KiB: enough for an ending, too little for what was around it and for
    // any page.
    limited.args(["-c", r#"trap "" XFSZ; ulimit -f 64; exec "$@""#, "sh"]);
    limited.arg(inner.get_program()).args(inner.get_args());
    let watch = Watch::start(lab, &mut limited)?;
    let mut traffic = Traffic::new()?;
    traffic.graceful(2_000)?;
    let port = traffic.connection()?.reset()?;
    let ended = watch.wait()?;
    ended.is(Some(1))?;
    let unwritten = ended
        .talk
        .lines()
        .filter(|line| line.contains("cannot write "));
    let names = ["recording.finrst", "report.html"];
    ensure!(
        unwritten
            .zip(names)
            .filter(|(line, name)| line.contains(name))
            .count()
            == names.len()
            && ended.talk.matches("cannot write ").count() == names.len(),
        "{}",
        ended.talk
    );
    is_of(&valid_ending(&out)?, port)?;
    ensure!(files(&out)? == FILES, "{}", files(&out)?);
    let left = replay(&lab.finrst, &format!("{out}/recording.finrst"), &["-q"])?;
    let told = String::from_utf8_lossy(&left.stdout).lines().count();
    ensure!(
        left.status.code() == Some(1) && told > 10,
        "{told} lines are left of it"
    );
    Ok(())
}

/// What makes no sense is refused before anything is waited for.
pub(super) fn refused(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let (full, file) = (scratch.file("full"), scratch.file("full/file"));
    fs::create_dir(&full)?;
    fs::write(&file, "something else\n")?;
    let missing = scratch.file("missing/out");
    let cases: [(&[&str], &str); 4] = [
        (&["-o", &full], "is not empty"),
        (&["-o", &file], "is no directory"),
        (&["-o", &missing], "nothing can be written to"),
        (&["--memory", "1"], "64MiB"),
    ];
    for (arguments, reason) in cases {
        let mut command = Command::new(&lab.finrst);
        command.arg("catch").args(arguments);
        refusals::ends_with(lab, command, 2, reason).with_context(|| arguments.join(" "))?;
    }
    ensure!(
        fs::read_to_string(&file)? == "something else\n",
        "it was overwritten"
    );
    Ok(())
}
