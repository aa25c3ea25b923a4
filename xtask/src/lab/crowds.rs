//! Many connections at once: each end is told once, of the process it was of.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};

use super::{
    Lab,
    clock::Deadline,
    compare::differences::differences,
    outcome::{Outcome, Report},
    played::{self, Held},
    scenes,
    score::Score,
    told::{Ending, Kind},
    tracer::{Ended, Tracer},
};
use crate::scene::{
    crowd::Crowd,
    storm::Storm,
    truth::{Expected, Process, canonical},
};

/// A test of a crowd; it leaves the score of what it was told.
type Test = fn(&Lab, &mut Score) -> anyhow::Result<()>;

/// The tests, by name.
const TESTS: &[(&str, Test)] = &[
    ("crowd/older_than_finrst", older),
    ("crowd/killed", killed),
    ("crowd/reset_under_flood", flooded),
    ("crowd/many_told_apart", told_apart),
    ("crowd/table_made_small", small_table),
];

/// How many differences of a crowd are shown; the rest would say the same.
const SHOWN: usize = 5;

/// Kibibytes per processor for records, where none may be lost.
const BUFFER: &str = "32768";

/// The time a scan of everything that is open may add to the start of finrst.
const SCAN: Duration = Duration::from_secs(1);

/// The tests' names.
pub(crate) fn names() -> impl Iterator<Item = String> {
    TESTS.iter().map(|(name, _)| (*name).to_owned())
}

/// Runs those of the tests that are wanted.
pub(crate) fn run(lab: &Lab, wanted: &dyn Fn(&str) -> bool, report: &mut Report) {
    for (name, test) in TESTS.iter().filter(|(name, _)| wanted(name)) {
        let mut score = Score::default();
        report.add(name, Outcome::of(test(lab, &mut score)));
        report.score(name, score);
    }
}

/// As many here, and as many where the machine is slow.
fn sized(lab: &Lab, here: u32, slow: u32) -> String {
    let size = if lab.slow == 1 { here } else { slow };
    size.to_string()
}

/// A tracer with these arguments, and how long it took to start.
fn start(lab: &Lab, arguments: &[&str]) -> anyhow::Result<(Tracer, Duration)> {
    let arguments: Vec<_> = arguments.iter().map(|&it| it.to_owned()).collect();
    let clock = Deadline::after(Duration::ZERO);
    let tracer = Tracer::start(lab.trace(&arguments), lab.patience(Duration::from_secs(20)))?;
    Ok((tracer, clock.elapsed()))
}

/// A daemon and its clients were there before finrst was, with ten thousand connections.
fn older(lab: &Lab, score: &mut Score) -> anyhow::Result<()> {
    let (alone, without) = start(lab, &[])?;
    alone.stop()?;
    let held = Held::new("crowd", &["--connections", &sized(lab, 10_000, 1_000)])?;
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
    let (tracer, _) = start(lab, &[])?;
    let size = sized(lab, 500, 100);
    let arguments = ["--connections", &size, "--farewell", "reset-in-flood"];
    judge(lab, &played::play("crowd", &arguments)?, tracer, score)
}

/// Each end of a crowd is told once and as it was.
fn judge(lab: &Lab, crowd: &Crowd, mut tracer: Tracer, score: &mut Score) -> anyhow::Result<()> {
    let each = usize::try_from(crowd.connections)?;
    let port = crowd.address.port();
    tracer.watch(lab.patience(scenes::SETTLED), |endings| {
        endings.len() >= 2 * each
    })?;
    let ended = tracer.stop()?;
    scenes::accounted(ended.summary)?;
    let mut ends = Ends::default();
    let mut wrong = Vec::new();
    for ending in ended.endings.iter().filter(|it| is_of_port(it, port)) {
        let (local, remote) = told_ends(ending);
        let at_server = local.port() == port;
        let any = if at_server {
            &crowd.server
        } else {
            &crowd.client
        };
        let expected = Expected {
            local,
            remote,
            ..any.clone()
        };
        ends.note(ending, at_server);
        score.count(&expected, ending);
        let differing = differences(lab.kernel, false, &expected, ending);
        wrong.extend(
            differing
                .iter()
                .map(|it| format!("{local} -> {remote}: {it}")),
        );
    }
    wrong.extend(ends.judge(&ended, each, score)?);
    told(&wrong)
}

/// Whether an ending is of a socket of the crowd, and not an answer to one of its late segments.
fn is_of_port(ending: &Ending, port: u16) -> bool {
    let (local, remote) = told_ends(ending);
    [local.port(), remote.port()].contains(&port) && ending.kind() == Kind::Own
}

/// Both ends of an ending, local first.
fn told_ends(ending: &Ending) -> (SocketAddr, SocketAddr) {
    let connection = &ending.connection;
    (connection.local.into(), connection.remote.into())
}

/// Which ends were told of.
#[derive(Debug, Default)]
struct Ends {
    /// How many of the server.
    servers: usize,
    /// How many of the client.
    clients: usize,
    /// By the client's end and the server's: ends of the client told of, less those of the server.
    ///
    /// Two connections may have the same ends, one after the other.
    balance: HashMap<(SocketAddr, SocketAddr), i32>,
    /// What they go by.
    ids: HashSet<String>,
    /// Ids that were told before, or not at all.
    nameless: Vec<String>,
}

impl Ends {
    /// Notes that an end was told of.
    fn note(&mut self, ending: &Ending, at_server: bool) {
        let (local, remote) = told_ends(ending);
        if at_server {
            self.servers += 1;
            *self.balance.entry((remote, local)).or_default() -= 1;
        } else {
            self.clients += 1;
            *self.balance.entry((local, remote)).or_default() += 1;
        }
        match &ending.connection.id {
            Some(id) if self.ids.insert(id.clone()) => {}
            id => self
                .nameless
                .push(format!("{local} -> {remote} goes by {id:?}")),
        }
    }

    /// What is wrong with how many ends were told of; what was not told counts as unknown.
    fn judge(self, ended: &Ended, each: usize, score: &mut Score) -> anyhow::Result<Vec<String>> {
        let summary = ended.summary.context("there is no summary")?;
        // A run of a hook the kernel skipped, and says so, may have been all there was of an ending.
        let missed = usize::try_from(summary.missed.unwrap_or(0))?;
        let mut wrong = self.nameless;
        for (side, told) in [("server", self.servers), ("client", self.clients)] {
            for _ in told..each {
                score.miss();
            }
            if told > each || told + missed < each {
                wrong.push(format!("{told} ends of the {side} were told of {each}"));
            }
        }
        let uneven = self.balance.iter().filter(|it| *it.1 != 0);
        let uneven: Vec<_> = uneven.map(|((client, _), _)| client.to_string()).collect();
        if uneven.len() > missed {
            wrong.push(format!(
                "one end is told, the other is not: {}",
                uneven.join(", ")
            ));
        }
        Ok(wrong)
    }
}

/// An error with the first few of what is wrong.
fn told(wrong: &[String]) -> anyhow::Result<()> {
    if wrong.is_empty() {
        return Ok(());
    }
    let shown: Vec<_> = wrong.iter().take(SHOWN).map(String::as_str).collect();
    bail!("{} differences:\n{}", wrong.len(), shown.join("\n"))
}

/// A hundred thousand connections, whose sockets the kernel makes of the same memory over and over.
fn told_apart(lab: &Lab, score: &mut Score) -> anyhow::Result<()> {
    // Room for whatever comes while finrst waits for its turn on a busy machine.
    let (mut tracer, _) = start(lab, &["--buffer-size", BUFFER])?;
    let size = sized(lab, 100_000, 2_000);
    let storm: Storm = played::play("storm", &["--connections", &size])?;
    let each = usize::try_from(storm.connections)?;
    tracer.watch(Duration::from_secs(2), |endings| endings.len() >= 2 * each)?;
    let ended = tracer.stop()?;
    scenes::accounted(ended.summary)?;
    let lost = ended.summary.context("there is no summary")?.lost;
    ensure!(lost == 0, "{lost} records were lost, so nothing was tested");
    let process = |pid, comm: &str| Process {
        pid,
        comm: comm.to_owned(),
        start_ticks: None,
    };
    let server = process(storm.server, "fr-server");
    let client = process(storm.client, "fr-client");
    let mut ends = Ends::default();
    let mut wrong = Vec::new();
    for ending in ended.endings.iter().filter(|it| is_of_port(it, storm.port)) {
        let (local, remote) = told_ends(ending);
        let at_server = local.port() == storm.port;
        let owner = if at_server { &server } else { &client };
        let expected = of_storm(ending, at_server, owner);
        ends.note(ending, at_server);
        score.count(&expected, ending);
        let differing = differences(lab.kernel, false, &expected, ending);
        wrong.extend(
            differing
                .iter()
                .map(|it| format!("{local} -> {remote}: {it}")),
        );
    }
    wrong.extend(ends.judge(&ended, each, score)?);
    told(&wrong)
}

/// What one end of a storm's connection must be: that of one connection, in order or by a reset.
fn of_storm(ending: &Ending, at_server: bool, owner: &Process) -> Expected {
    let (local, remote) = told_ends(ending);
    let end = Expected::of(canonical(local), canonical(remote), owner);
    let reset = ending.acts.iter().any(|act| act.how.starts_with("rst_"));
    match (at_server, reset) {
        (true, false) => end.followed(&["fin_received/peer_closed", "fin_sent/app_close"]),
        (true, true) => end.followed(&["rst_received/peer_reset"]),
        (false, false) => end.began(&["fin_sent/app_close", "fin_received/peer_closed?"]),
        (false, true) => end.began(&["rst_sent/linger_zero"]),
    }
}

/// A table of sockets too small for what is open: finrst goes on, and says what it forgot.
fn small_table(lab: &Lab, score: &mut Score) -> anyhow::Result<()> {
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
    *score += owners;
    Ok(())
}
