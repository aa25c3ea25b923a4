//! `PostgreSQL`, whose sessions are processes.

use std::{fs, os::unix::fs::chown, path::Path, process::Command};

use anyhow::Context as _;
use nix::{sys::signal::Signal, unistd::User};

use super::{
    Played, Program, Wanted,
    stage::{Place, Running, Stage, await_true},
};
use crate::{setup, shell};

/// The programs.
pub(super) const PROGRAMS: &[Program] = &[Program {
    name: "postgres_terminate_backend",
    title: "PostgreSQL, `pg_terminate_backend`: a session waits for its query",
    needs: &["psql", "setpriv"],
    arguments: &[],
    play: terminate_backend,
}];

const PORT: u16 = 5440;

/// A program of `PostgreSQL`'s, run as the user it wants.
fn program(stage: &Stage, programs: &Path, name: &str) -> Command {
    let mut command = stage.command(Place::Server, "setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    command.arg(programs.join(name)).args(["-D", "data"]);
    command
}

/// Makes a database and serves it.
fn serve(stage: &Stage) -> anyhow::Result<Running> {
    let programs = setup::postgres().context("there is no PostgreSQL")?;
    let user = User::from_name("postgres")?.context("there is no user postgres")?;
    let data = stage.directory().join("data");
    fs::create_dir(&data)?;
    for path in [stage.directory(), &data] {
        chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    }
    let mut initdb = program(stage, &programs, "initdb");
    shell::read(initdb.args(["-A", "trust", "-N", "-U", "postgres"]))?;
    let mut postgres = program(stage, &programs, "postgres");
    postgres.args(["-p", &PORT.to_string(), "-h", "127.0.0.1"]);
    postgres.args(["-c", "fsync=off", "-c", "unix_socket_directories="]);
    stage.serve(&mut postgres, PORT)
}

/// psql with a query.
fn psql(stage: &Stage, query: &str) -> Command {
    let mut command = stage.command(Place::Server, "psql");
    command.args(["-h", "127.0.0.1", "-p", &PORT.to_string()]);
    command.args(["-U", "postgres", "-XAtc", query]);
    command
}

/// An operator's sessions: the processes of psql, and the backends they had.
#[derive(Debug, Default)]
struct Operator {
    clients: Vec<u32>,
    backends: Vec<u32>,
}

impl Operator {
    /// Asks for something, in a session of its own; the answer, empty where there is none.
    fn ask(&mut self, stage: &Stage, what: &str) -> anyhow::Result<String> {
        let query = format!("select pg_backend_pid(), {what}");
        let (client, said) = stage.run(&mut psql(stage, &query))?;
        let (backend, answer) = said.trim().split_once('|').context("psql said nothing")?;
        self.clients.push(client);
        self.backends.push(backend.parse()?);
        Ok(answer.to_owned())
    }
}

fn terminate_backend(stage: &Stage) -> anyhow::Result<Played> {
    let mut postgres = serve(stage)?;
    let mut waiting = stage.start(&mut psql(stage, "select pg_sleep(60)"))?;
    let find = "(select pid from pg_stat_activity where query like 'select pg_sleep%' limit 1)";
    let mut operator = Operator::default();
    let mut backend = 0;
    await_true("a session", || {
        backend = operator.ask(stage, find)?.parse().unwrap_or(0);
        Ok(backend > 0)
    })?;
    operator.ask(stage, &format!("pg_terminate_backend({backend})"))?;
    waiting.wait()?;
    // A fast shutdown, which leaves nobody behind.
    postgres.signal(Signal::SIGINT)?;
    postgres.wait()?;
    let Operator { clients, backends } = operator;
    let waited = [waiting.pid()];
    Ok(Played {
        expected: vec![
            Wanted::server("a backend", PORT, &[backend], "fin_sent/process_exit"),
            Wanted::client("psql", PORT, &waited, "fin_received/peer_closed"),
            Wanted::server(
                "the operator's",
                PORT,
                &backends,
                "fin_received/peer_closed",
            ),
            Wanted::client("psql of the operator", PORT, &clients, "fin_sent/app_close"),
        ],
        running: Vec::new(),
    })
}
