//! nginx under wrk: the same closes by `finrst latency` of endings, by `--in-kernel`, and by bpftrace,
//! which shares nothing with finrst but the kernel's tracepoint.

mod stamped;

use std::{collections::BTreeMap, fs::File, process::Command, thread, time::Duration};

use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{lines, of_type};
use crate::{
    lab::{
        Lab, Way,
        outcome::Skip,
        programs::{
            stage::{Place, Running, SERVER, Stage, await_true},
            web,
        },
        recording::tools::{Recorder, Scratch},
    },
    mounts, shell,
};

/// Where nginx listens.
const PORT: u16 = 8391;

/// The phases that are times in a state, or in one of two, with the numbers of the states: `FIN_WAIT1`,
/// `FIN_WAIT2`, `CLOSE_WAIT` and `LAST_ACK` (`include/net/tcp_states.h`). nginx closes first, nearly
/// always; wrk knows as well when it has everything.
pub(crate) const PHASES: [(Side, &str, &[u64]); 4] = [
    (Side::Nginx, "fin_to_ack", &[4, 9]),
    (Side::Nginx, "fin_wait2", &[5]),
    (Side::Wrk, "close_wait", &[8]),
    (Side::Wrk, "last_ack", &[9]),
];

/// Whose end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// The server's.
    Nginx,
    /// The client's.
    Wrk,
}

/// How often a phase was seen, its mean and its longest, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// How often.
    pub(crate) count: u64,
    /// On average.
    pub(crate) mean: u64,
    /// At most.
    pub(crate) max: u64,
    /// The median; bpftrace tells none.
    pub(crate) p50: Option<u64>,
}

/// Numbers of each of [`PHASES`].
pub(crate) type Seen = BTreeMap<&'static str, Numbers>;

/// What each of the three saw of one run.
#[derive(Debug)]
pub(crate) struct Run {
    /// `finrst latency`.
    pub(crate) events: Seen,
    /// `finrst latency --in-kernel`.
    pub(crate) gathered: Seen,
    /// bpftrace.
    pub(crate) independent: Seen,
    /// How many phases bpftrace may count and a finrst not: of runs of hooks the kernel skipped, of records
    /// without room, and of ends that an RST came to before a phase was over.
    amiss: u64,
}

/// A load that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// The pid wrk had.
    pid: u32,
    /// How many connections were answered.
    pub(crate) answers: u64,
}

/// nginx, ready to be asked, and where.
pub(crate) struct Server {
    stage: Stage,
    _nginx: Running,
    worker: u32,
}

impl Server {
    /// Starts it, with one worker.
    ///
    /// # Errors
    /// A program is missing, or nginx does not listen.
    pub(crate) fn start() -> anyhow::Result<Self> {
        for program in ["nginx", "wrk", "bpftrace"] {
            ensure!(
                shell::find(program).is_some(),
                Skip(format!("there is no {program}"))
            );
        }
        let stage = Stage::new()?;
        // wrk needs a port for each connection, until nginx has forgotten the last one of that port.
        stage.inside(Place::Client, || {
            let range = "/proc/sys/net/ipv4/ip_local_port_range";
            Ok(std::fs::write(range, "1024 65535")?)
        })?;
        let server = format!("listen {PORT}; return 200 'ok';");
        let (nginx, workers) = web::nginx(&stage, PORT, &server)?;
        let worker = *workers.first().context("nginx has no worker")?;
        Ok(Self {
            stage,
            _nginx: nginx,
            worker,
        })
    }

    /// Has wrk connect, ask once and be closed, as fast as it can for so many seconds.
    pub(crate) fn load(&self, seconds: u32) -> anyhow::Result<Load> {
        let mut wrk = self.stage.command(Place::Client, "wrk");
        wrk.args(["-t", "1", "-c", "4", "-d", &format!("{seconds}s")]);
        wrk.args(["-H", "Connection: close"]);
        let (pid, talk) = self
            .stage
            .run(wrk.arg(format!("http://{SERVER}:{PORT}/")))?;
        let said = talk.split_once(" requests in").map(|(before, _)| before);
        let said = said.and_then(|it| it.split_whitespace().last());
        let answers = said.with_context(|| format!("wrk did not finish: {talk}"))?;
        let answers = answers.parse().context("wrk counts in words")?;
        Ok(Load { pid, answers })
    }

    /// `finrst latency` of the two of them, with further arguments.
    pub(crate) fn latency(&self, lab: &Lab, more: &[&str]) -> Command {
        let mut finrst = Command::new(&lab.finrst);
        finrst.args(["latency", "-q", "-o", "json", "--by", "process"]);
        finrst.args(self.stage.filter()).args(more);
        if lab.way != Way::Auto {
            finrst.args(["--way", lab.way.name()]);
        }
        finrst
    }
}

/// Watches one load by all three.
///
/// # Errors
/// Something could not be run.
pub(crate) fn watched(lab: &Lab, seconds: u32) -> anyhow::Result<Run> {
    let server = Server::start()?;
    let scratch = Scratch::new()?;
    let stamped = scratch.file("stamped");
    let mut bpftrace = Command::new("bpftrace");
    bpftrace.args(["-f", "json", "-o", &stamped, "-e", &stamped::script(PORT)]);
    let bpftrace = thread::scope(|scope| {
        let thread = scope.spawn(|| {
            mounts::with_tracepoints()?;
            server.stage.start(&mut bpftrace)
        });
        thread.join().unwrap_or_else(|_| bail!("a thread panicked"))
    })?;
    await_true("bpftrace", || {
        let said = std::fs::read_to_string(&stamped).unwrap_or_default();
        Ok(said.contains("attached_probes"))
    })?;
    let files = ["events", "gathered"].map(|name| scratch.file(name));
    let [events, gathered] = &files;
    let recorder = |file: &String, more: &[&str]| {
        let mut finrst = server.latency(lab, more);
        Recorder::start(lab, finrst.stdout(File::create(file)?), file)
    };
    let recorders = [
        recorder(events, &[])?,
        recorder(gathered, &["--in-kernel"])?,
    ];
    let wrk = server.load(seconds)?.pid;
    // Longer than an ending takes to settle.
    thread::sleep(lab.patience(Duration::from_millis(1_500)));
    for recorder in recorders {
        let code = recorder.stop(Signal::SIGINT)?;
        ensure!(code == Some(0), "finrst ended with {code:?}");
    }
    bpftrace.signal(Signal::SIGINT)?;
    let mut independent = Seen::new();
    await_true("what bpftrace counted", || {
        independent = stamped::counted(&std::fs::read(&stamped)?)?;
        Ok(independent.len() == PHASES.len())
    })?;
    let pids = [(Side::Nginx, server.worker), (Side::Wrk, wrk)];
    let (events, amiss) = told(events, &pids)?;
    let (gathered, amiss_too) = told(gathered, &pids)?;
    Ok(Run {
        events,
        gathered,
        independent,
        amiss: amiss.max(amiss_too),
    })
}

/// What a finrst told of the whole run, and how many phases it may not have seen.
fn told(file: &str, pids: &[(Side, u32); 2]) -> anyhow::Result<(Seen, u64)> {
    let lines = lines(&std::fs::read(file)?)?;
    let summary = of_type(&lines, "summary").next().context("no summary")?;
    let lost = ["missed", "lost"].map(|name| summary[name].as_u64().unwrap_or(0));
    let mut amiss = lost.iter().sum();
    let mut seen = Seen::new();
    for &(side, pid) in pids {
        let mut whole = of_type(&lines, "latency").filter(|line| line["from_mono_ns"].is_null());
        let is_its = |line: &&Value| {
            line.pointer("/process/pid").and_then(Value::as_u64) == Some(pid.into())
        };
        let group = whole.find(is_its);
        let group = group.with_context(|| format!("nothing of process {pid}"))?;
        amiss += group["reset"].as_u64().unwrap_or(0);
        for (_, phase, _) in PHASES.into_iter().filter(|(of, ..)| *of == side) {
            let number = |name: &str| {
                let value = group.pointer(&format!("/phases_ns/{phase}/{name}"));
                let value = value.and_then(Value::as_u64);
                value.with_context(|| format!("no {name} of {phase}: {group}"))
            };
            let numbers = Numbers {
                count: number("count")?,
                mean: number("mean")?,
                max: number("max")?,
                p50: Some(number("p50")?),
            };
            seen.insert(phase, numbers);
        }
    }
    Ok((seen, amiss))
}

/// Two hooks at one place run one after the other, and sometimes one of them later than usual.
const APART: u64 = 10_000;

/// All three count the same phases, and agree about how long they took.
pub(super) fn agree(lab: &Lab) -> anyhow::Result<()> {
    let run = watched(lab, 1)?;
    let enough = run.independent.values().all(|it| it.count > 100);
    ensure!(enough, "hardly a load: {:?}", run.independent);
    let few = run.independent.values().all(|it| it.count > 20 * run.amiss);
    ensure!(few, "{} of {:?} were not seen", run.amiss, run.independent);
    for (phase, stamped) in &run.independent {
        for seen in [&run.events, &run.gathered] {
            let seen = seen.get(phase).context("not told")?;
            ensure!(
                seen.count.abs_diff(stamped.count) <= run.amiss,
                "{phase}: {} times, by bpftrace {}",
                seen.count,
                stamped.count
            );
            let apart = stamped.mean / 10 + APART;
            ensure!(
                seen.mean.abs_diff(stamped.mean) <= apart,
                "{phase}: {} ns on average, by bpftrace {} ns",
                seen.mean,
                stamped.mean
            );
        }
        let [event, gathered] = [&run.events, &run.gathered].map(|it| it.get(phase));
        let (event, gathered) = event.zip(gathered).context("not told")?;
        let medians = event.p50.zip(gathered.p50).context("no median")?;
        // The width of a bucket, an eighth, and the hundredth of the other.
        ensure!(
            medians.0.abs_diff(medians.1) <= medians.0.max(medians.1) / 7 + APART,
            "{phase}: medians of {medians:?}"
        );
    }
    Ok(())
}
