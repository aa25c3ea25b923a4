//! The ground truth: every FIN and RST that tcpdump saw real programs send in three namespaces is
//! joined to its act with the right owner, or reported with the reason why not.

mod child;
mod dump;
pub(crate) mod go;
mod judge;
mod network;
mod program;
mod programs;
mod table;

use std::{fmt::Write as _, time::Duration};

use anyhow::{Context as _, bail, ensure};
use dump::Dump;
use network::Network;
use program::Program;
use programs::Stage;
use table::Table;

use super::{
    Lab, Test,
    clock::Deadline,
    outcome::Skip,
    told::{Ending, Summary},
    tracer::Tracer,
};
use crate::shell;

/// The tests, by name; for real machines only, which have the programs.
pub(crate) const REAL: &[(&str, Test)] = &[
    ("truth", |lab| truth(lab, &BESIDE)),
    ("truth/xmit", |lab| truth(lab, &IN_KERNEL)),
];

/// A capture to hold against tcpdump.
struct Capture {
    arguments: &'static [&'static str],
    /// Connections of the larger programs, unless `FINRST_TRUTH` says otherwise; about two and a half
    /// times as many endings come of it.
    size: u32,
    /// Its page in `docs/accuracy`.
    page: &'static str,
}

const BESIDE: Capture = Capture {
    arguments: &["--wire", "afpacket", "--wire-buffer", "65536"],
    size: 1_200,
    page: "wire.md",
};

const IN_KERNEL: Capture = Capture {
    arguments: &["--wire", "xmit"],
    size: 300,
    page: "xmit.md",
};

/// What has to be there.
const PROGRAMS: [&str; 9] = [
    "curl",
    "ip",
    "nft",
    "nginx",
    "redis-benchmark",
    "redis-cli",
    "redis-server",
    "tcpdump",
    "wrk",
];

/// Endings of a run that is worth a page in `docs/accuracy`.
const WORTH_A_PAGE: usize = 20_000;

/// Findings that are shown.
const SHOWN: usize = 12;

fn truth(lab: &Lab, capture: &Capture) -> anyhow::Result<()> {
    if let Some(missing) = PROGRAMS.iter().find(|it| shell::find(it).is_none()) {
        bail!(Skip(format!("there is no {missing}")));
    }
    let size = match std::env::var("FINRST_TRUTH") {
        Ok(size) => size
            .parse()
            .context("FINRST_TRUTH is a number of connections")?,
        Err(_) => capture.size,
    };
    let go = go::programs()?;
    let directory = tempfile::tempdir()?;
    let network = Network::new()?;
    let mut dumps = Vec::new();
    for place in 0..3 {
        dumps.push(Dump::start(&network, place, directory.path())?);
    }
    let rest = ["--unjoined", "--buffer-size", "32768"];
    let arguments = [capture.arguments, &rest].concat();
    let arguments: Vec<_> = arguments.into_iter().map(str::to_owned).collect();
    let mut tracer = Tracer::start(lab.trace(&arguments), Duration::from_mins(1))?;
    // tcpdump is not ready when its process is there, nor are all captures.
    tracer.watch(Duration::from_secs(3), |_| false)?;
    let stage = Stage {
        network: &network,
        directory: directory.path(),
        size,
        go,
    };
    let (programs, played) = play(&stage, &mut tracer)?;
    // What is late is told by then, and what nothing tells has waited long enough.
    tracer.watch(Duration::from_secs(8), |_| false)?;
    let ended = tracer.stop()?;
    let mut dumped = Vec::new();
    for dump in dumps {
        dumped.push(dump.stop()?);
    }
    let Ok(dumped) = <[_; 3]>::try_from(dumped) else {
        bail!("there are three dumps");
    };
    let summary = ended.summary.context("there is no summary")?;
    let (table, wrong) = judge::judge(&network, &dumped, &programs, &ended);
    let dropped = dumped.each_ref().map(|it| it.dropped).iter().sum();
    // Others may end connections on this machine meanwhile.
    let ours = |it: &&Ending| {
        let netns = it.connection.netns;
        netns.is_some_and(|netns| network.inodes.contains(&netns))
    };
    let endings: Vec<_> = ended.endings.iter().filter(ours).collect();
    let heading = capture.arguments.join(" ");
    let page = page(&heading, &endings, (summary, dropped), &table, played);
    super::print(&page);
    if endings.len() >= WORTH_A_PAGE {
        let accuracy = shell::root().join("docs/accuracy");
        std::fs::create_dir_all(&accuracy)?;
        std::fs::write(accuracy.join(capture.page), &page)?;
    }
    verdict(&table, summary, &wrong)
}

/// Runs the programs, and how long they took; finrst's lines are read meanwhile, or it would wait.
fn play(stage: &Stage<'_>, tracer: &mut Tracer) -> anyhow::Result<(Vec<Program>, Duration)> {
    let clock = Deadline::after(Duration::ZERO);
    let programs = std::thread::scope(|scope| {
        let play = scope.spawn(|| stage.play());
        while !play.is_finished() {
            tracer.watch(Duration::from_millis(500), |_| false)?;
        }
        match play.join() {
            Ok(played) => played,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })?;
    Ok((programs, clock.elapsed()))
}

/// Nothing wrong, nothing twice, and nothing missing that was not dropped.
fn verdict(table: &Table, summary: Summary, wrong: &[String]) -> anyhow::Result<()> {
    let total = table.total();
    let captured = summary.capture.context("nothing was captured")?;
    let excused = captured.dropped + summary.lost + summary.missed.unwrap_or(0);
    let shown: Vec<_> = wrong.iter().take(SHOWN).map(String::as_str).collect();
    let shown = shown.join("\n");
    ensure!(total.right > 0, "nothing was joined\n{shown}");
    ensure!(
        total.wrong == 0,
        "{} owners are wrong\n{shown}",
        total.wrong
    );
    ensure!(
        total.twice == 0,
        "{} segments are told twice\n{shown}",
        total.twice
    );
    let no_act = total.unjoined.get("no_act").copied().unwrap_or(0);
    ensure!(
        no_act <= excused,
        "{no_act} segments are told without their act\n{shown}"
    );
    ensure!(
        total.missing <= excused,
        "{} segments are missing, {excused} are excused by drops\n{shown}",
        total.missing
    );
    Ok(())
}

/// The page of the run.
fn page(
    how: &str,
    endings: &[&Ending],
    (summary, dropped): (Summary, u64),
    table: &Table,
    played: Duration,
) -> String {
    let peers = endings.iter();
    let peers = peers.filter(|it| it.connection.peer_id.is_some());
    let captured = summary.capture.unwrap_or_default();
    let mut page = format!(
        "# The wire against the ground truth: `{how}`\n\n\
         Written by `FINRST_TRUTH=8000 cargo xtask lab truth`. Three network namespaces: a client's, a server's, and a\n\
         router's between them, with a bridge (every other connection crosses it untranslated) and nftables `dnat` and\n\
         `masquerade` (the others). tcpdump runs in each. The table has every FIN and RST that tcpdump saw leave the client's\n\
         and the server's, copies and retransmissions counted once, by what finrst says of it; the row of the router has\n\
         those that tcpdump saw there, which must be sightings of a segment some ending tells.\n\n",
    );
    let written = write!(
        page,
        "{table}\n\
         {} endings, {} with their other end; {} s of programs.\n\
         finrst: {} records emitted, {} lost, {} hook runs skipped, {} frames, {} dropped, {} endings told before their segments were read. tcpdump: {dropped} dropped.\n",
        endings.len(),
        peers.count(),
        played.as_secs(),
        summary.emitted,
        summary.lost,
        summary.missed.unwrap_or(0),
        captured.frames,
        captured.dropped,
        summary.hurried,
    );
    debug_assert!(written.is_ok(), "a string takes everything");
    page
}
