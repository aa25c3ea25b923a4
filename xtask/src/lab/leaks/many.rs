//! So many sockets that nobody closes that a look at them has to be quick.

use std::{
    io::Read as _,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::{
    lab::{Lab, clock::Deadline, played::Held},
    scene::crowd::Crowd,
    used::Used,
};

/// Crowds, and connections of each: as many as the descriptors of an ordinary process suffice for. Both
/// ends of each are left over.
const CROWDS: u32 = 2;
const EACH: u32 = 12_500;
/// Sockets of each kind.
const OF_A_KIND: u32 = CROWDS * EACH;
/// All sockets.
pub(crate) const SOCKETS: u32 = 2 * OF_A_KIND;

/// The most memory a look may take, for each socket and besides: far less than a copy of everything
/// that is known of it for every step.
const MEMORY_KIB: i64 = 32 << 10;
const MEMORY_EACH: i64 = 2_048;

/// Sockets that are left over, each crowd in a network namespace of its own; gone with the value.
pub(crate) struct Many(Vec<Held>);

/// What a look at them found, and took.
pub(crate) struct Look {
    lines: Vec<Value>,
    /// Its processor time and memory.
    pub(crate) used: Used,
    /// Until it had ended.
    pub(crate) elapsed: Duration,
}

impl Many {
    /// Makes them.
    ///
    /// # Errors
    /// There are not enough descriptors or ports.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let each = EACH.to_string();
        let arguments = ["--connections", &each, "--farewell", "left-over"];
        let crowds = (0..CROWDS).map(|_| Held::new("crowd", &arguments));
        Ok(Self(crowds.collect::<Result<_, _>>()?))
    }

    /// Looks at them, and at them alone.
    ///
    /// # Errors
    /// What finrst says cannot be read.
    pub(crate) fn look(&self, lab: &Lab) -> anyhow::Result<Look> {
        let ready = self.0.iter().map(|held| &held.ready);
        let pids = ready.flat_map(|it| [it.client.pid, it.server.pid]);
        let pids: Vec<_> = pids.map(|pid| pid.to_string()).collect();
        let clock = Deadline::after(Duration::ZERO);
        let mut child = Command::new(&lab.finrst)
            .args(["leaks", "-o", "json", "--older-than", "1s", "-p"])
            .arg(pids.join(","))
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()?;
        let mut stdout = child.stdout.take().context("stdout is piped")?;
        let reader = thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).map(|_| text)
        });
        let used = Used::by(&child)?;
        let text = reader.join().ok().context("the reader panicked")??;
        let elapsed = clock.elapsed();
        let lines = text.lines().map(serde_json::from_str);
        Ok(Look {
            lines: lines.collect::<Result<_, _>>()?,
            used,
            elapsed,
        })
    }

    /// Looks until all are old enough to be told of.
    ///
    /// # Errors
    /// They are never.
    pub(crate) fn all(&self, lab: &Lab) -> anyhow::Result<Look> {
        let deadline = Deadline::after(lab.patience(Duration::from_secs(30)));
        loop {
            let look = self.look(lab)?;
            let told = ["not_closed", "half_closed"].map(|kind| look.sockets(kind));
            if told == [u64::from(OF_A_KIND); 2] {
                return Ok(look);
            }
            ensure!(
                !deadline.left().is_zero(),
                "{told:?} of {OF_A_KIND} each are told: {:?}",
                look.lines
            );
        }
    }

    /// Lets them end.
    ///
    /// # Errors
    /// A crowd did not end as it is meant to.
    pub(crate) fn end(self) -> anyhow::Result<()> {
        for held in self.0 {
            let _told: Crowd = held.play()?;
        }
        Ok(())
    }
}

impl Look {
    fn sockets(&self, kind: &str) -> u64 {
        let lines = self.lines.iter().filter(|it| it["leak"] == kind);
        lines.filter_map(|it| it["sockets"].as_u64()).sum()
    }
}

/// Every one of them is told, of whom it is, once; and memory is no matter of how often it is copied.
pub(super) fn told(lab: &Lab) -> anyhow::Result<()> {
    let many = Many::new()?;
    let look = many.all(lab)?;
    let groups = look.lines.iter().filter(|it| it["type"] == "leak");
    ensure!(groups.count() == 4, "not by process: {:?}", look.lines);
    ensure!(
        look.used.code == Some(6),
        "it ended with {:?}",
        look.used.code
    );
    let allowed = MEMORY_KIB + i64::from(SOCKETS) * MEMORY_EACH / 1_024;
    let memory = look.used.memory_kib;
    ensure!(
        (1..allowed).contains(&memory),
        "{memory} KiB of memory, not {allowed}"
    );
    println!(
        "     {SOCKETS} sockets: {:?}, {:.2} s of processor time, {memory} KiB",
        look.elapsed, look.used.cpu_s
    );
    many.end()
}
