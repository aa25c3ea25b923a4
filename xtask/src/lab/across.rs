//! Endings that tell of one before them, or of what is yet to come.

use std::{
    io::Read as _,
    net::{SocketAddr, TcpListener},
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use socket2::{Domain, Socket, Type};

use super::{Lab, Test, clock::Deadline, played, told::Ending, tracer::Tracer};
use crate::scene::truth::Told;

/// The tests, by name.
pub(crate) const REAL: &[(&str, Test)] = &[
    ("across/time_wait_taken_over", taken_over),
    ("across/fin_still_queued", still_queued),
];

/// How long it may take to start, and to tell.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects from a port, closes first, and lets the other end close.
fn close_first(listener: &TcpListener, port: u16) -> anyhow::Result<u16> {
    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    client.set_reuse_address(true)?;
    client.bind(&SocketAddr::from(([127, 0, 0, 1], port)).into())?;
    // The kernel gives the tuple away when its clock of timestamps is a tick further.
    let deadline = Deadline::after(PATIENCE);
    while let Err(error) = client.connect(&listener.local_addr()?.into()) {
        ensure!(!deadline.left().is_zero(), "cannot connect: {error}");
        thread::sleep(Duration::from_millis(100));
    }
    let (mut served, from) = listener.accept()?;
    drop(client);
    ensure!(served.read(&mut [0])? == 0, "the client sent something");
    Ok(from.port())
}

/// A connection from a tuple in `TIME_WAIT` is linked to the one that left it there; one from another
/// port to none.
fn taken_over(lab: &Lab) -> anyhow::Result<()> {
    let mut tracer = Tracer::start(lab.trace(&[]), PATIENCE)?;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let to = listener.local_addr()?.port();
    let port = close_first(&listener, 0)?;
    close_first(&listener, port)?;
    let other = close_first(&listener, 0)?;
    let of_client = |ending: &&Ending| ending.connection.remote.port == to;
    tracer.watch(PATIENCE, |endings| {
        endings.iter().filter(of_client).count() >= 3
    })?;
    let endings = tracer.stop()?.endings;
    let of_port = |port: u16| {
        let clients = endings.iter().filter(of_client);
        clients.filter(move |it| it.connection.local.port == port)
    };
    let mut both: Vec<_> = of_port(port).collect();
    both.sort_by_key(|it| it.acts.first().map(|act| act.mono_ns));
    let [first, second] = both[..] else {
        anyhow::bail!("{} endings of port {port}", both.len());
    };
    ensure!(
        first.connection.after.is_none(),
        "the first has none before"
    );
    ensure!(
        second.connection.after == first.connection.id,
        "{:?} is after {:?}",
        second.connection,
        first.connection.id
    );
    says(second, "whose place in TIME_WAIT it took")?;
    let other = of_port(other).next().context("the third is not told")?;
    ensure!(other.connection.after.is_none(), "{:?}", other.connection);
    Ok(())
}

/// A FIN behind data that the peer does not take is told as what it is, before it leaves.
fn still_queued(lab: &Lab) -> anyhow::Result<()> {
    let arguments = ["--settle", "30ms"].map(str::to_owned);
    let mut tracer = Tracer::start(lab.trace(&arguments), PATIENCE)?;
    let told: Told = played::play("fin_behind_data", &[])?;
    let own = |ending: &&Ending| {
        let ends = told.expected.first().map(|it| (it.local, it.remote));
        let connection = &ending.connection;
        ends == Some((connection.local.into(), connection.remote.into()))
    };
    tracer.watch(PATIENCE, |endings| endings.iter().any(|it| own(&it)))?;
    let endings = tracer.stop()?.endings;
    let first = endings.iter().find(own).context("it is not told")?;
    let cause = &first.cause;
    ensure!(cause == "fin_delayed_by_unsent_data", "told as {cause}");
    says(first, "later nothing had acknowledged it")
}

fn says(ending: &Ending, words: &str) -> anyhow::Result<()> {
    let text = ending.explanation.as_deref().unwrap_or_default();
    ensure!(text.contains(words), "{words:?} is not in {text:?}");
    Ok(())
}
