//! finrst is killed at random moments of its life: nothing of it stays in the kernel.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use super::{
    chance::{self, Chance},
    held::{self, Kind, Object},
};
use crate::{
    lab::{Lab, played, recording::tools::Scratch},
    scene::storm::Storm,
    shell,
};

/// How often it is killed unless `FINRST_KILLS` says otherwise.
const KILLS: u64 = 20;

/// The latest moment, on a machine that is not slow.
const LATEST_MS: u64 = 400;

/// What is killed, in turn; every one of them holds something else.
const LIVES: [&[&str]; 7] = [
    &["trace", "-o", "json"],
    &[
        "trace",
        "-o",
        "json",
        "--transport",
        "ringbuf",
        "--wire",
        "tcx",
    ],
    &[
        "trace",
        "-o",
        "json",
        "--wire",
        "xmit",
        "--way",
        "tracepoint",
    ],
    &["record", "-q", "--wire", "afpacket", "--force", "-o"],
    &["trace", "--go-callers", "--held-open"],
    &["latency", "--in-kernel"],
    &["leaks", "--for", "1h", "--touch"],
];

/// Twenty times, or as often as `FINRST_KILLS` says, while connections come and go.
pub(super) fn at_random(lab: &Lab) -> anyhow::Result<()> {
    let (kills, seed) = (chance::asked("FINRST_KILLS", KILLS)?, chance::seed()?);
    let before = held::kept()?;
    let elsewhere = Elsewhere::new(lab)?;
    let scratch = Scratch::new()?;
    let over = AtomicBool::new(false);
    let dead = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let _played = played::play::<Storm>("storm", &["--connections", "200"]);
                thread::sleep(lab.patience(Duration::from_millis(50)));
            }
        });
        let mut moments = Chance::new(seed);
        let dead: anyhow::Result<Vec<_>> = (0..kills)
            .zip(LIVES.iter().cycle())
            .map(|(kill, life)| {
                let moment = lab.patience(Duration::from_millis(moments.below(LATEST_MS)));
                // How long it takes until anything is loaded is the machine's affair.
                let since = if kill % 3 == 0 {
                    Since::Start
                } else {
                    Since::Loaded
                };
                die(lab, life, &scratch, (since, moment))
                    .with_context(|| format!("kill {kill} of seed {seed}, after {moment:?}"))
            })
            .collect();
        over.store(true, Ordering::Relaxed);
        dead
    })?;
    elsewhere.goes(lab)?;
    let loaded = dead.iter().filter(|&&it| it).count();
    ensure!(
        u64::try_from(loaded)? >= kills / 2,
        "only {loaded} of {kills} held anything when they were killed"
    );
    held::wait_for(lab, "pins and mounts of namespaces", || {
        Ok(held::kept()?
            .difference(&before)
            .cloned()
            .collect::<Vec<_>>())
    })
}

/// From when a moment counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Since {
    /// The start of the process.
    Start,
    /// The first of its programs.
    Loaded,
}

/// One life: it ends at this moment. Says whether it held anything by then.
fn die(
    lab: &Lab,
    life: &[&str],
    scratch: &Scratch,
    (since, moment): (Since, Duration),
) -> anyhow::Result<bool> {
    let mut command = Command::new(&lab.finrst);
    command.args(life);
    if life.last() == Some(&"-o") {
        command.arg(scratch.file("killed.finrst"));
    }
    let doomed = Doomed(
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?,
    );
    if since == Since::Loaded {
        held::wait_for(lab, "lives without any program", || {
            let held = held::by(doomed.0.id())?;
            let loaded = held.iter().any(|object| object.kind == Kind::Program);
            Ok((!loaded).then_some(life).into_iter().collect())
        })?;
    }
    thread::sleep(moment);
    let objects = doomed.objects()?;
    drop(doomed);
    held::gone(lab, &objects)?;
    Ok(!objects.is_empty())
}

/// A finrst that is killed when it is dropped.
struct Doomed(Child);

impl Doomed {
    /// What it holds at this moment, at which it stops for good.
    fn objects(&self) -> anyhow::Result<BTreeSet<Object>> {
        let pid = Pid::from_raw(self.0.id().cast_signed());
        kill(pid, Signal::SIGSTOP)?;
        let found = waitpid(pid, Some(WaitPidFlag::WUNTRACED))?;
        ensure!(
            matches!(found, WaitStatus::Stopped(..)),
            "it was not alive any more: {found:?}"
        );
        held::by(self.0.id())
    }
}

impl Drop for Doomed {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// A network namespace of a process that sleeps; one end of a pair of devices is in it, the other here.
struct Elsewhere {
    sleeper: Child,
    device: String,
}

impl Elsewhere {
    fn new(lab: &Lab) -> anyhow::Result<Self> {
        let sleeper = Command::new("unshare")
            .args(["-n", "sleep", "infinity"])
            .spawn()
            .context("unshare cannot be run")?;
        let device = format!("fk{}", std::process::id());
        let elsewhere = Self { sleeper, device };
        let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net"));
        let pid = elsewhere.sleeper.id().to_string();
        held::wait_for(lab, "processes in this namespace", || {
            let same = namespace(&pid)? == namespace("self")?;
            Ok(same.then_some(&pid).into_iter().collect())
        })?;
        let device = elsewhere.device.as_str();
        let pair = ["link", "add", device, "type", "veth", "peer", "name", "fk0"];
        shell::run(Command::new("ip").args(pair).args(["netns", &pid]))?;
        Ok(elsewhere)
    }

    /// Once its only process ended it goes, and both devices with it: nothing else holds it.
    fn goes(mut self, lab: &Lab) -> anyhow::Result<()> {
        self.sleeper.kill()?;
        self.sleeper.wait()?;
        let path = PathBuf::from("/sys/class/net").join(&self.device);
        held::wait_for(lab, "devices of a namespace nobody is in", || {
            Ok(path.exists().then_some(&self.device).into_iter().collect())
        })
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _killed = self.sleeper.kill();
        let _reaped = self.sleeper.wait();
    }
}
