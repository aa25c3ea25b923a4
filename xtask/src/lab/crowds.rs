//! Many connections at once: each end is told once, of the process it was of.

mod ends;

use std::{fs, net::SocketAddr, time::Duration};

use anyhow::{Context as _, bail, ensure};
use ends::Ends;

use super::{
    Lab, Scored,
    clock::Deadline,
    compare::{differences::differences, lenience},
    played::{self, Held},
    scenes,
    score::Score,
    told::{Ending, Kind},
    tracer::Tracer,
};
use crate::scene::{
    crowd::Crowd,
    storm::Storm,
    truth::{Expected, Known, Process, canonical},
};

/// The tests, by name.
pub(crate) const TESTS: &[(&str, Scored)] = &[
    ("crowd/older_than_finrst", older),
    ("crowd/killed", killed),
    ("crowd/reset_under_flood", flooded),
    ("crowd/many_told_apart", told_apart),
    ("crowd/table_made_small", small_table),
];

/// How many of a crowd that differ are shown; the rest would say the same.
const SHOWN: usize = 5;

/// Kibibytes per processor for records, where none may be lost.
const BUFFER: &str = "32768";

/// The time a scan of everything that is open may add to the start of finrst.
const SCAN: Duration = Duration::from_secs(1);

/// As many here, and as many where the machine is slow.
fn sized(lab: &Lab, here: u32, slow: u32) -> String {
    let size = if lab.slow == 1 { here } else { slow };
    size.to_string()
}

/// A tracer with room for whatever comes while it waits for its turn on a busy machine, and how
/// long it took to start.
fn start(lab: &Lab, arguments: &[&str]) -> anyhow::Result<(Tracer, Duration)> {
    let room = ["--buffer-size", BUFFER].iter().chain(arguments);
    let arguments: Vec<_> = room.map(|&it| it.to_owned()).collect();
    let clock = Deadline::after(Duration::ZERO);
    let tracer = Tracer::start(lab.trace(&arguments), lab.patience(Duration::from_secs(20)))?;
    Ok((tracer, clock.elapsed()))
}

/// A daemon and its clients were there before finrst was, with ten thousand connections.
fn older(lab: &Lab, score: &mut Score) -> anyhow::Result<()> {
    let (alone, without) = start(lab, &[])?;
    alone.stop()?;
    let held: Held = Held::new("crowd", &["--connections", &sized(lab, 10_000, 1_000)])?;
    let (tracer, with) = start(lab, &[])?;
    let crowd: Crowd = held.play()?;
    judge(lab, &crowd, tracer, score)?;
    let scan = with.saturating_sub(without);
    ensure!(
        lab.slow > 1 || scan < SCAN,
        "the start took {with:?}, without the connections {without:?}"
    );
    Ok(())
}

/// A process is killed with a thousand connections open.
fn killed(lab: &Lab, score: &mut Score) -> anyhow::Result<()> {
    let (tracer, _) = start(lab, &[])?;
    let size = sized(lab, 1_000, 300);
    let arguments = ["--connections", &size, "--farewell", "server-killed"];
    judge(lab, &played::play("crowd", &arguments)?, tracer, score)
}

/// Connections end while others keep every processor busy receiving: what the kernel does in
/// softirq, it does while one of those is running.
fn flooded(lab: &Lab, score: &mut Score) -> anyhow::Result<()> {
    if lab.guest {
        // An RST is sent once: one that a flood crowds out on its way through a slow machine is gone.
        fs::write("/proc/sys/net/core/netdev_max_backlog", "1000000")?;
    }
    let (tracer, _) = start(lab, &[])?;
    let size = sized(lab, 500, 100);
    let arguments = ["--connections", &size, "--farewell", "reset-in-flood"];
    judge(lab, &played::play("crowd", &arguments)?, tracer, score)
}

/// Each end of a crowd is told once and as it was.
fn judge(lab: &Lab, crowd: &Crowd, tracer: Tracer, score: &mut Score) -> anyhow::Result<()> {
    let port = crowd.address.port();
    each_told(lab, tracer, (crowd.connections, port), score, |ending| {
        let (local, remote) = told_ends(ending);
        let any = if local.port() == port {
            &crowd.server
        } else {
            &crowd.client
        };
        Expected {
            local,
            remote,
            ..any.clone()
        }
    })
}

/// Each end of so many connections to a port is told once, and as is expected of what is told.
fn each_told(
    lab: &Lab,
    mut tracer: Tracer,
    (connections, port): (u32, u16),
    score: &mut Score,
    expect: impl Fn(&Ending) -> Expected,
) -> anyhow::Result<()> {
    let each = usize::try_from(connections)?;
    // Long enough to settle; what has not been told by then is told on the interrupt.
    tracer.watch(Duration::from_secs(2), |endings| endings.len() >= 2 * each)?;
    let ended = tracer.stop()?;
    scenes::accounted(ended.summary)?;
    let summary = ended.summary.context("there is no summary")?;
    // A run of a hook the kernel skipped, and says so, may have been all there was of an ending.
    let missed = usize::try_from(summary.missed.unwrap_or(0))?;
    let mut ends = Ends::default();
    let mut differing = Vec::new();
    for ending in ended.endings.iter().filter(|it| is_of_port(it, port)) {
        let (local, remote) = told_ends(ending);
        let expected = expect(ending);
        ends.note(ending, local.port() == port);
        score.count(&expected, ending);
        let wrong = differences(lab.kernel, lenience(lab, &expected), &expected, ending).join("; ");
        if !wrong.is_empty() {
            differing.push(format!("{local} -> {remote}: {wrong}"));
        }
    }
    let mut wrong = ends.judge(each, missed, score);
    if differing.len() > missed {
        wrong.extend(differing);
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let shown: Vec<_> = wrong.iter().take(SHOWN).map(String::as_str).collect();
    bail!(
        "{} differences, {} records lost:\n{}",
        wrong.len(),
        summary.lost,
        shown.join("\n")
    )
}

/// Whether an ending is of a socket of the crowd, and not an answer to one of its late segments.
///
/// A busy machine may let a second pass between two acts of one ending; what comes then is told as
/// the sequel it is, by the same id.
fn is_of_port(ending: &Ending, port: u16) -> bool {
    let (local, remote) = told_ends(ending);
    let connection = &ending.connection;
    let sequel = connection.after.is_some() && connection.after == connection.id;
    [local.port(), remote.port()].contains(&port) && ending.kind() == Kind::Own && !sequel
}

/// Both ends of an ending, local first.
fn told_ends(ending: &Ending) -> (SocketAddr, SocketAddr) {
    let connection = &ending.connection;
    (connection.local.into(), connection.remote.into())
}

/// A hundred thousand connections, whose sockets the kernel makes of the same memory over and over.
fn told_apart(lab: &Lab, score: &mut Score) -> anyhow::Result<()> {
    let (tracer, _) = start(lab, &[])?;
    let size = sized(lab, 100_000, 2_000);
    let storm: Storm = played::play("storm", &["--connections", &size])?;
    let process = |pid, comm: &str| Process {
        pid,
        comm: comm.to_owned(),
        start_ticks: None,
    };
    let server = process(storm.server, "fr-server");
    let client = process(storm.client, "fr-client");
    let many = (storm.connections, storm.port);
    each_told(lab, tracer, many, score, |ending| {
        let at_server = ending.connection.local.port == storm.port;
        let owner = if at_server { &server } else { &client };
        of_storm(ending, at_server, owner)
    })
}

/// What one end of a storm's connection must be: that of one connection, in order or by a reset.
fn of_storm(ending: &Ending, at_server: bool, owner: &Process) -> Expected {
    let (local, remote) = told_ends(ending);
    let end = Expected::of(canonical(local), canonical(remote), owner);
    let reset = ending.acts.iter().any(|act| act.how.starts_with("rst_"));
    match (at_server, reset) {
        (true, false) => end.followed(&["fin_received/peer_closed", "fin_sent/app_close"]),
        // By tracepoints alone, whoever let go of a dead socket before anybody looked is not seen.
        (true, true) => end
            .followed(&["rst_received/peer_reset"])
            .known(Known::ByFunctions),
        (false, false) => end.began(&["fin_sent/app_close", "fin_received/peer_closed?"]),
        (false, true) => end.began(&["rst_sent/linger_zero"]),
    }
}

/// A table of sockets too small for what is open: finrst goes on, and says what it forgot.
///
/// It stays out of the score: what is unknown here is so by intent.
fn small_table(lab: &Lab, _score: &mut Score) -> anyhow::Result<()> {
    let (tracer, _) = start(lab, &["--sockets", "64"])?;
    let crowd: Crowd = played::play("crowd", &["--connections", &sized(lab, 500, 200)])?;
    let ended = tracer.stop()?;
    ensure!(ended.status.success(), "it ended with {}", ended.status);
    scenes::accounted(ended.summary)?;
    let evicted = ended.summary.context("there is no summary")?.evicted;
    ensure!(evicted > 0, "nothing was evicted, so nothing was tested");
    // What was forgotten may be told in parts, or without its owner, but never with another's.
    let port = crowd.address.port();
    let mut owners = Score::default();
    for ending in ended.endings.iter().filter(|it| is_of_port(it, port)) {
        let at_server = ending.connection.local.port == port;
        owners.count(
            if at_server {
                &crowd.server
            } else {
                &crowd.client
            },
            ending,
        );
    }
    ensure!(
        owners.owner.wrong == 0,
        "{} owners are wrong",
        owners.owner.wrong
    );
    Ok(())
}
