//! The programs that capture, each started anew for its turn.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use nix::{
    sys::signal::{Signal, kill},
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};

use crate::{bench, lab::tracer::Tracer, scene::netns};

/// One way to capture, or not to.
pub(super) struct Mode {
    /// Its name on the page.
    pub(super) name: &'static str,
    /// What is run.
    what: What,
    /// Whether the kernel half runs for every packet.
    pub(super) counts: bool,
}

/// What is run beside the packets.
enum What {
    Nothing,
    Finrst(&'static [&'static str]),
    Tcpdump(&'static [&'static str]),
}

/// Every way; the first is what nothing costs, the second what the others are compared with.
pub(super) const MODES: &[Mode] = &[
    Mode {
        name: "nothing runs",
        what: What::Nothing,
        counts: false,
    },
    Mode {
        name: "`finrst trace --wire off`",
        what: What::Finrst(&["--wire", "off"]),
        counts: false,
    },
    Mode {
        name: "`finrst trace --wire xmit`",
        what: What::Finrst(&["--wire", "xmit"]),
        counts: true,
    },
    Mode {
        name: "`finrst trace --wire tcx`",
        what: What::Finrst(&["--wire", "tcx"]),
        counts: true,
    },
    Mode {
        name: "`finrst trace --wire afpacket`",
        what: What::Finrst(&["--wire", "afpacket"]),
        counts: false,
    },
    Mode {
        name: "`tcpdump -w`, FINs and RSTs",
        what: What::Tcpdump(&["tcp[tcpflags] & (tcp-fin|tcp-rst) != 0"]),
        counts: false,
    },
    Mode {
        name: "`tcpdump -w`, everything",
        what: What::Tcpdump(&[]),
        counts: false,
    },
];

/// A capture under way.
pub(super) enum Capturer {
    Nothing,
    Finrst(Box<Tracer>),
    Tcpdump(Child),
}

impl Capturer {
    /// Starts it and waits until it captures.
    ///
    /// # Errors
    /// It does not run.
    pub(super) fn start(finrst: &Path, mode: &Mode) -> anyhow::Result<Self> {
        let started = match mode.what {
            What::Nothing => Self::Nothing,
            What::Finrst(arguments) => {
                let mut command = Command::new(finrst);
                // What else ends on the machine is not to be measured.
                let netns = netns::inode()?.to_string();
                command.args(["trace", "-o", "json", "--netns", &netns]);
                command.args(arguments);
                let tracer = Tracer::start(command, Duration::from_mins(1))?;
                Self::Finrst(Box::new(tracer))
            }
            What::Tcpdump(filter) => Self::Tcpdump(tcpdump(filter)?),
        };
        if let Some(pid) = started.pid() {
            bench::leave_alone(pid)?;
        }
        Ok(started)
    }

    /// Its process.
    pub(super) fn pid(&self) -> Option<Pid> {
        match self {
            Self::Nothing => None,
            Self::Finrst(tracer) => Some(tracer.pid()),
            Self::Tcpdump(child) => Some(Pid::from_raw(child.id().cast_signed())),
        }
    }

    /// Nanoseconds its threads ran so far.
    ///
    /// # Errors
    /// It has ended.
    pub(super) fn run_ns(&self) -> anyhow::Result<u64> {
        let Some(pid) = self.pid() else { return Ok(0) };
        // The clock of a process goes on for threads that have ended.
        let ran = clock_gettime(clock_getcpuclockid(pid)?)?;
        let (seconds, ns) = (ran.tv_sec().cast_unsigned(), ran.tv_nsec().cast_unsigned());
        Ok(seconds * 1_000_000_000 + ns)
    }

    /// Ends it.
    ///
    /// # Errors
    /// It failed.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        match self {
            Self::Nothing => {}
            Self::Finrst(tracer) => {
                let ended = tracer.stop()?;
                ensure!(ended.status.success(), "finrst failed: {}", ended.talk);
            }
            Self::Tcpdump(mut child) => {
                kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT)?;
                child.wait()?;
            }
        }
        Ok(())
    }
}

/// A tcpdump that captures to nowhere; it says when it listens.
fn tcpdump(filter: &[&str]) -> anyhow::Result<Child> {
    let mut child = Command::new("tcpdump")
        .args(["-i", "lo", "-s", "256", "-Z", "root", "-w", "/dev/null"])
        .args(filter)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("there is no tcpdump")?;
    let mut talk = BufReader::new(child.stderr.take().context("stderr is piped")?);
    let mut line = String::new();
    while !line.contains("listening on") {
        line.clear();
        ensure!(talk.read_line(&mut line)? > 0, "tcpdump does not listen");
    }
    // What else it says fits the pipe, which must stay open as long as it runs.
    std::mem::forget(talk);
    Ok(child)
}
