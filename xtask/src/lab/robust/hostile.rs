//! A program whose name, file and control group would move cursors, begin lines and are no UTF-8: every verb
//! tells of it, and none as it is.

use std::{
    ffi::OsStr,
    fs,
    io::Write as _,
    net::{Ipv4Addr, Shutdown, TcpListener},
    os::unix::{ffi::OsStrExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;

use super::{
    held,
    soak::watched::{Reader, Watched},
};
use crate::lab::{
    Lab, Way,
    recording::tools::{Recorder, Scratch},
};

/// The name of the file, and so of the process: what a name may be made of.
const NAME: &[u8] = b"ev\x1b[31mil\n\xff";

/// The control group, of a container by its name; the kernel lets none have an end of a line.
const GROUP: &[u8] = b"lxc.payload.ev\x1b[31mil\xff";

/// As the names are shown: the beginning, and the end where there is an end of a line.
const SHOWN: [&str; 2] = [r"ev\u{1b}[31mil", r"il\n\xff"];

/// A connection, opened and closed at a word each, and the end at a third.
const SCRIPT: &str = r#"read -r; exec 3<>"/dev/tcp/127.0.0.1/$0"; read -r; exec 3>&-; read -r"#;

/// Runs it under every verb.
pub(super) fn names(lab: &Lab) -> anyhow::Result<()> {
    let scratch = Scratch::new()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port().to_string();
    let group = Group::new()?;
    let program = Path::new(&scratch.file("")).join(OsStr::from_bytes(NAME));
    fs::copy("/bin/bash", &program)?;
    let mut evil = Evil::start(&program, &port)?;
    group.take(&evil)?;

    let patience = lab.patience(Duration::from_mins(1));
    let (file, bundle) = (scratch.file("evil.finrst"), scratch.file("bundle"));
    let ends = ["--remote-port", &port];
    let mut recording = with(
        lab,
        &["record", "--wire", "xmit", "--stack", "both", "-o", &file],
        &ends,
        true,
    );
    let recorder = Recorder::start(lab, &mut recording, &file)?;
    let mut catching = with(lab, &["catch", "--after", "0s", "-o", &bundle], &ends, true);
    let catcher = Watched::start(&mut catching, Reader::Nobody)?;
    catcher.says("watching", patience)?;

    evil.cue()?;
    let (ours, _) = listener.accept()?;
    ours.shutdown(Shutdown::Write)?;
    looks(lab, &ends)?;
    evil.cue()?;
    let caught = catcher.wait(patience)?;
    ensure!(
        caught.status.success(),
        "{}: {}",
        caught.status,
        caught.talk
    );
    is_tame("catch", caught.talk.as_bytes())?;
    evil.cue()?;
    ensure!(evil.0.wait()?.success(), "the program failed");
    let code = recorder.stop(Signal::SIGINT)?;
    ensure!(code == Some(0), "the recording ended with {code:?}");

    retold(lab, &file, &scratch)?;
    files(Path::new(&bundle))
}

/// `finrst` with these words, and by the way asked for where it hooks anything.
fn with(lab: &Lab, words: &[&str], more: &[&str], hooks: bool) -> Command {
    let mut command = Command::new(&lab.finrst);
    command.args(words).args(more).stdin(Stdio::null());
    if hooks && lab.way != Way::Auto {
        command.args(["--way", lab.way.name()]);
    }
    command
}

/// The verbs that look at sockets, while the connection waits for its close.
fn looks(lab: &Lab, ends: &[&str]) -> anyhow::Result<()> {
    let verbs: [&[&str]; 2] = [&["sockets"], &["leaks", "--older-than", "0s"]];
    for verb in verbs {
        for form in ["text", "json"] {
            let words = [verb, &["-o", form]].concat();
            held::wait_for(lab, "looks without the name", || {
                let mut look = with(lab, &words, ends, false);
                let told = look.stderr(Stdio::inherit()).output()?.stdout;
                is_tame(&words.join(" "), &told)?;
                let told = String::from_utf8_lossy(&told).into_owned();
                // The kernel stamps ages by its own ticks.
                Ok((!told.contains("il")).then_some(told).into_iter().collect())
            })?;
        }
    }
    Ok(())
}

/// The verbs that tell a recording, in every form.
fn retold(lab: &Lab, file: &str, scratch: &Scratch) -> anyhow::Result<()> {
    let (page, plot) = (scratch.file("page.html"), scratch.file("plot.svg"));
    let forms: [&[&str]; 9] = [
        &[
            "trace",
            "--replay",
            file,
            "-v",
            "--explain",
            "--stack",
            "both",
        ],
        &["trace", "--replay", file, "--color", "never"],
        &["trace", "--replay", file, "-o", "json", "-v"],
        &["trace", "--replay", file, "-o", "pcapng"],
        &["report", file],
        &["report", file, "--html", &page],
        &[
            "latency", "--replay", file, "--by", "process", "--plot", &plot,
        ],
        &["latency", "--replay", file, "--by", "function"],
        &["latency", "--replay", file, "--by", "process", "-o", "json"],
    ];
    for words in forms {
        let told = with(lab, words, &[], false).output()?;
        let all = words.join(" ");
        ensure!(told.status.success(), "{all} ended with {}", told.status);
        is_tame(&all, &told.stderr)?;
        if words.contains(&"pcapng") {
            holds_no_name(&all, &told.stdout)?;
        } else {
            is_tame(&all, &told.stdout)?;
        }
        let [begin, end] = SHOWN.map(|it| it.replace('\\', r"\\"));
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        if words.contains(&"json") {
            ensure!(
                told.contains(&begin),
                "{all} does not tell the name: {told}"
            );
            // Only whole endings have the file.
            let whole = !words.contains(&"latency");
            ensure!(!whole || told.contains(&end), "{all} has no file: {told}");
        } else if !words.contains(&"--html") && !words.contains(&"function") {
            let [begin, _] = SHOWN;
            ensure!(told.contains(begin), "{all} does not tell the name: {told}");
        }
    }
    is_tame("the page", &fs::read(page)?)?;
    is_tame("the plot", &fs::read(plot)?)
}

/// What was caught, but for the recording, which has names as they are.
fn files(bundle: &Path) -> anyhow::Result<()> {
    let mut seen = 0;
    let mut directories = vec![bundle.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let kind = path.extension().and_then(OsStr::to_str).unwrap_or_default();
            match kind {
                _ if path.is_dir() => directories.push(path),
                "finrst" => {}
                "pcapng" => holds_no_name("caught", &fs::read(&path)?)?,
                _ => {
                    is_tame(&path.display().to_string(), &fs::read(&path)?)?;
                    seen += 1;
                }
            }
        }
    }
    ensure!(seen > 2, "only {seen} files were caught");
    Ok(())
}

/// Text, with nothing in it that moves a cursor but the ends of its lines.
fn is_tame(what: &str, told: &[u8]) -> anyhow::Result<()> {
    let text = str::from_utf8(told).with_context(|| format!("{what} is no text"))?;
    let wild = text.lines().find(|it| it.chars().any(char::is_control));
    ensure!(wild.is_none(), "{what} tells {wild:?}");
    holds_no_name(what, told)
}

/// The name stands nowhere as it is.
fn holds_no_name(what: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let wild = |name: &[u8]| bytes.windows(name.len()).any(|it| it == name);
    ensure!(!wild(NAME) && !wild(GROUP), "{what} has a name as it is");
    Ok(())
}

/// The program; it goes with its value.
struct Evil(Child);

impl Evil {
    fn start(program: &Path, port: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.arg0(OsStr::from_bytes(NAME));
        command
            .args(["--norc", "-c", SCRIPT, port])
            .stdin(Stdio::piped());
        Ok(Self(command.spawn()?))
    }

    /// Lets it do the next thing.
    fn cue(&mut self) -> anyhow::Result<()> {
        let stdin = self.0.stdin.as_mut().context("stdin is piped")?;
        Ok(stdin.write_all(b"\n")?)
    }
}

impl Drop for Evil {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// A control group; it goes with its value.
struct Group(PathBuf);

impl Group {
    fn new() -> anyhow::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let unified = mounts.lines().find(|line| line.contains(" - cgroup2 "));
        let place = unified.and_then(|line| line.split(' ').nth(4));
        let place = place.context("there is no cgroup2")?;
        let group = Self(Path::new(place).join(OsStr::from_bytes(GROUP)));
        fs::create_dir(&group.0).context("a control group cannot be made")?;
        Ok(group)
    }

    fn take(&self, evil: &Evil) -> anyhow::Result<()> {
        let procs = self.0.join("cgroup.procs");
        fs::write(procs, evil.0.id().to_string()).context("it cannot be moved there")
    }
}

impl Drop for Group {
    /// The kernel lets go of one whose processes were reaped a moment ago.
    fn drop(&mut self) {
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
