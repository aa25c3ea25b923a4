//! The wire: every act that put a segment there, or took one in, has that segment, and no segment
//! is without an act.

mod in_kernel;
mod joins;
mod stories;

use std::{collections::HashMap, process::Command, thread, time::Duration};

use anyhow::{Context as _, bail, ensure};

use super::{
    Lab, Scored, Test,
    outcome::Skip,
    played,
    score::Score,
    told::{Ending, Segment},
    tracer::{Ended, Tracer},
};
use crate::{scene::storm::Storm, shell};

pub(crate) use in_kernel::{IN_KERNEL, REJECTED};

/// Storms whose segments must be joined to their acts, by name.
pub(crate) const STORMS: &[(&str, Scored)] = &[
    ("wire/storm_joined", storm_joined),
    ("wire/xmit_storm_joined", in_kernel::xmit_storm),
    ("wire/tcx_storm_joined", in_kernel::tcx_storm),
];

/// Those for real machines only: guests have no tcpdump.
pub(crate) const REAL: &[(&str, Test)] = &[
    ("wire/tcpdump_agrees", tcpdump_agrees),
    ("wire/afpacket_stories", |lab| {
        stories::told(lab, "afpacket")
    }),
];

/// Connections of the storm.
const CONNECTIONS: u32 = 3_000;

/// Plays a storm of all manners under a tracer that captures this way; in the middle of it
/// `meanwhile` is done.
pub(super) fn storm(
    lab: &Lab,
    wire: &str,
    meanwhile: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<(Storm, Ended)> {
    let arguments = ["--wire", wire].map(str::to_owned);
    let mut tracer = Tracer::start(lab.trace(&arguments), lab.patience(Duration::from_secs(20)))?;
    let connections = (CONNECTIONS / lab.slow).max(150);
    let number = connections.to_string();
    let manners = ["--mix", "graceful,reset,unread"];
    let arguments = [&["--connections", &number], &manners[..]].concat();
    let storm: Storm = thread::scope(|scope| {
        let storm = scope.spawn(|| played::play("storm", &arguments));
        let third = usize::try_from(connections)? * 2 / 3;
        let patience = lab.patience(Duration::from_mins(1));
        tracer.watch(patience, |told| told.len() >= third)?;
        meanwhile()?;
        storm.join().ok().context("the player panicked")?
    })?;
    let ends = usize::try_from(storm.connections)? * 2;
    tracer.watch(lab.patience(Duration::from_secs(3)), |told| {
        told.len() >= ends
    })?;
    Ok((storm, tracer.stop()?))
}

/// By the packet socket.
fn storm_joined(lab: &Lab, score: &mut Score) -> anyhow::Result<()> {
    let ended = joined_storm(lab, "afpacket", score)?;
    let clock = ended.summary.and_then(|it| it.clock);
    let clock = clock.context("nothing is told of the clocks")?;
    ensure!(clock.error_max_ns > 0, "clocks cannot be compared exactly");
    Ok(())
}

/// Every act of a storm has its segment. Where RSTs of no socket reach no hook, theirs may be segments
/// without an act.
fn joined_storm(lab: &Lab, wire: &str, score: &mut Score) -> anyhow::Result<Ended> {
    let (storm, ended) = storm(lab, wire, || Ok(()))?;
    let joined = joins::marks(&of_storm(&storm, &ended.endings), &ended.endings);
    score.joined += joined;
    if lab.sees_answering_resets() {
        self::joined(lab, &storm, &ended)?;
    }
    ensure!(
        joined.wrong == 0 && joined.right > joined.unknown,
        "acts have {} segments of their own, {} of others, and {} have none",
        joined.right,
        joined.wrong,
        joined.unknown
    );
    Ok(ended)
}

/// Whether every act of every ending of a storm has its segment. One that was not captured, or whose
/// time is not known, may miss at four places: at both ends, and once on each way through `lo`; and
/// an ending that did not wait for the capture at both its acts. Nothing misses that is not counted;
/// on a machine that is not emulated every frame is captured, and read in time.
pub(super) fn joined(lab: &Lab, storm: &Storm, ended: &Ended) -> anyhow::Result<()> {
    let summary = ended.summary.context("there is no summary")?;
    let dropped = summary.capture.map_or(0, |it| it.dropped);
    ensure!(
        lab.guest || summary.hurried + dropped == 0,
        "the capture lagged: {summary:?}"
    );
    let endings = of_storm(storm, &ended.endings);
    ensure!(!endings.is_empty(), "nothing was told");
    let mut unlike = Vec::new();
    for ending in &endings {
        let segments = ending.segments.as_deref().context("no segments are told")?;
        for act in &ending.acts {
            let own = |it: &&Segment| it.kernel_ns == Some(act.mono_ns) && fits(it, &act.how);
            if segments.iter().filter(own).count() != 1 {
                unlike.push(format!("{} at {}: {segments:?}", act.how, act.mono_ns));
            }
        }
        let stray = |it: &&Segment| {
            let copied = lab.guest && to_copy(it, ending);
            it.kernel_ns.is_none() && !to_stand_in(it, ending) && !copied
        };
        if let Some(stray) = segments.iter().find(stray) {
            unlike.push(format!("no act for {stray:?} of {:?}", ending.acts));
        }
    }
    // What a skipped hook run did not tell is a segment without its act, as finrst says.
    let unseen = dropped + summary.capture.map_or(0, |it| it.untimed);
    let excused = summary.missed.unwrap_or(0) + 4 * unseen + 2 * summary.hurried;
    let missed = usize::try_from(excused)?;
    ensure!(
        unlike.len() <= missed,
        "{} of {} endings' acts and segments do not fit, {missed} may: {summary:?}\n{}",
        unlike.len(),
        endings.len(),
        unlike
            .iter()
            .take(5)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
    if excused == 0 {
        both_ends(&endings, &ended.endings)?;
    }
    let unjoined = summary.unjoined_segments.context("no count of segments")?;
    ensure!(
        unjoined <= excused,
        "{unjoined} segments belong to no ending, {excused} may: {summary:?}"
    );
    let acts: usize = endings.iter().map(|ending| ending.acts.len()).sum();
    ensure!(
        unlike.len() * 2 < acts,
        "of {acts} acts less than half have their segments: {summary:?}"
    );
    Ok(())
}

/// The endings of a storm's connections.
fn of_storm<'told>(storm: &Storm, endings: &'told [Ending]) -> Vec<&'told Ending> {
    let ours = |ending: &&Ending| {
        let ends = [ending.connection.local.port, ending.connection.remote.port];
        ends.contains(&storm.port) && !ending.answers_for_nobody()
    };
    endings.iter().filter(ours).collect()
}

/// Whether a segment is of the kind an act is about.
fn fits(segment: &Segment, how: &str) -> bool {
    let (direction, flag) = match how {
        "fin_sent" => ("tx", 'F'),
        "fin_received" => ("rx", 'F'),
        "rst_sent" => ("tx", 'R'),
        "rst_received" => ("rx", 'R'),
        _ => return false,
    };
    segment.direction == direction && segment.flags.contains(flag)
}

/// Whether a segment is a FIN that came when a `TIME_WAIT` stand-in had taken the socket's place:
/// the kernel has no event for it.
fn to_stand_in(segment: &Segment, ending: &Ending) -> bool {
    let acted = |how: &str| ending.acts.iter().any(|act| act.how == how);
    fits(segment, "fin_received") && acted("fin_sent") && !acted("fin_received")
}

/// Whether a segment is an RST that found nothing left to reset: slow machines send again what was
/// acknowledged already, the kernel answers the copy, and its answer comes to an end that is over.
fn to_copy(segment: &Segment, ending: &Ending) -> bool {
    let acted = |how: &str| ending.acts.iter().any(|act| act.how == how);
    let reset = acted("rst_received") || acted("rst_sent");
    let over = reset || acted("fin_sent") && acted("fin_received");
    segment.direction == "rx" && segment.flags.contains('R') && over
}

/// What one end received, the other sent, or the kernel answered in its place when it was gone.
fn both_ends(endings: &[&Ending], told: &[Ending]) -> anyhow::Result<()> {
    let mut sent: HashMap<_, Vec<u32>> = HashMap::new();
    let answers = told.iter().filter(|it| it.answers_for_nobody());
    for ending in endings.iter().copied().chain(answers) {
        let tuple = (ending.connection.local, ending.connection.remote);
        let segments = ending.segments.iter().flatten();
        let left = segments.filter(|it| it.direction == "tx");
        sent.entry(tuple).or_default().extend(left.map(|it| it.seq));
    }
    for ending in endings {
        let sender = (ending.connection.remote, ending.connection.local);
        let sent = sent.get(&sender).map_or(&[][..], Vec::as_slice);
        let segments = ending.segments.iter().flatten();
        let unsent = segments
            .filter(|it| it.direction != "tx")
            .find(|it| !sent.contains(&it.seq));
        ensure!(
            unsent.is_none(),
            "{sender:?} did not send what came to the other end: {unsent:?} of {:?}",
            ending.acts
        );
    }
    Ok(())
}

/// Every FIN and RST of the storm that tcpdump saw is told once by each end, and no other is.
fn tcpdump_agrees(lab: &Lab) -> anyhow::Result<()> {
    if shell::find("tcpdump").is_none() {
        bail!(Skip("there is no tcpdump".to_owned()));
    }
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("wire.pcap");
    let filter = "tcp[tcpflags] & (tcp-fin|tcp-rst) != 0";
    let mut tcpdump = Command::new("tcpdump")
        .args(["-i", "lo", "-U", "-B", "65536", "-Z", "root", "-w"])
        .arg(&file)
        .arg(filter)
        .stderr(std::process::Stdio::null())
        .spawn()?;
    thread::sleep(Duration::from_secs(1));
    let played = storm(lab, "afpacket", || Ok(()));
    thread::sleep(Duration::from_millis(500));
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(tcpdump.id().cast_signed()),
        nix::sys::signal::Signal::SIGINT,
    )?;
    tcpdump.wait()?;
    let (storm, ended) = played?;
    let mut seen = Command::new("tcpdump");
    seen.args(["-nn", "-S", "-r"]).arg(&file);
    let text = shell::read(&mut seen)?;
    let port = format!(".{}", storm.port);
    let mut dumped: Vec<_> = text
        .lines()
        .filter_map(|line| segment(line, &port))
        .collect();
    let mut told = Vec::new();
    for ending in of_storm(&storm, &ended.endings) {
        let (local, remote) = (ending.connection.local, ending.connection.remote);
        let segments = ending.segments.iter().flatten();
        for it in segments.filter(|it| it.direction == "tx") {
            told.push(format!(
                "{}.{} > {}.{} [{}]",
                local.addr, local.port, remote.addr, remote.port, it.flags
            ));
        }
    }
    dumped.sort();
    told.sort();
    ensure!(!dumped.is_empty(), "tcpdump saw nothing");
    let missing = dumped.iter().filter(|it| told.binary_search(it).is_err());
    let missing: Vec<_> = missing.take(5).collect();
    ensure!(
        dumped == told,
        "tcpdump saw {} segments, finrst tells {}; only tcpdump: {missing:?}",
        dumped.len(),
        told.len()
    );
    Ok(())
}

/// `SOURCE > DESTINATION [FLAGS]` of a line of tcpdump's, if one end has the port.
fn segment(line: &str, port: &str) -> Option<String> {
    let (_, rest) = line.split_once(" IP ")?;
    let (ends, rest) = rest.split_once(": Flags [")?;
    let (flags, _) = rest.split_once(']')?;
    let (source, destination) = ends.split_once(" > ")?;
    let ours = source.ends_with(port) || destination.ends_with(port);
    ours.then(|| format!("{source} > {destination} [{flags}]"))
}
