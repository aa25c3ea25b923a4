//! Redis, with clients that are killed and clients that are too many.

use std::io::{Read as _, Write as _};

use nix::sys::signal::Signal;

use super::{
    Played, Program, Wanted,
    stage::{Place, Running, SERVER, Stage, ask},
};

/// The programs.
pub(super) const PROGRAMS: &[Program] = &[
    Program {
        name: "redis_client_kill",
        title: "Redis, `CLIENT KILL`: an operator ends an idle client's connection",
        needs: &["redis-server", "redis-cli"],
        arguments: &[],
        play: client_kill,
    },
    Program {
        name: "redis_maxclients",
        title: "Redis, `maxclients`: one client too many, which has asked already",
        needs: &["redis-server"],
        arguments: &[],
        play: maxclients,
    },
    Program {
        name: "redis_maxclients_silent",
        title: "Redis, `maxclients`: one client too many, which has not asked yet",
        needs: &["redis-server"],
        arguments: &[],
        play: maxclients_silent,
    },
];

const REDIS: u16 = 6390;

/// Starts Redis with these words.
pub(super) fn redis(stage: &Stage, words: &[&str]) -> anyhow::Result<Running> {
    let mut command = stage.command(Place::Server, "redis-server");
    let port = REDIS.to_string();
    let usual = ["--bind", "0.0.0.0", "--protected-mode", "no", "--save", ""];
    command.args(["--port", &port]).args(usual).args(words);
    stage.serve(&mut command, REDIS)
}

fn client_kill(stage: &Stage) -> anyhow::Result<Played> {
    let redis = redis(stage, &[])?;
    let mut idle = stage.connect(REDIS)?;
    ask(&idle, "PING\r\n")?;
    idle.read_exact(&mut [0; 7])?;
    let address = idle.local_addr()?.to_string();
    let mut cli = stage.command(Place::Client, "redis-cli");
    let port = REDIS.to_string();
    cli.args(["-h", SERVER, "-p", &port, "CLIENT", "KILL", &address]);
    let (operator, _) = stage.run(&mut cli)?;
    let _ended = idle.read(&mut [0]);
    drop(idle);
    let own = std::process::id();
    let served = [redis.pid()];
    Ok(Played {
        expected: vec![
            Wanted::server("redis-server", REDIS, &served, "fin_sent/app_close"),
            Wanted::client("the client", REDIS, &[own], "fin_received/peer_closed"),
            Wanted::client("redis-cli", REDIS, &[operator], "fin_sent/process_exit"),
            Wanted::server(
                "redis-server, to redis-cli",
                REDIS,
                &served,
                "fin_received/peer_closed",
            ),
        ],
        running: vec![redis],
    })
}

/// Redis has room for one client; another comes.
fn crowded(stage: &Stage, asks: bool, acts: [&'static str; 2]) -> anyhow::Result<Played> {
    let redis = redis(stage, &["--maxclients", "1"])?;
    let mut first = stage.connect(REDIS)?;
    first.write_all(b"PING\r\n")?;
    first.read_exact(&mut [0; 7])?;
    // It does not look for clients while it stands still.
    redis.signal(Signal::SIGSTOP)?;
    let mut second = stage.connect(REDIS)?;
    if asks {
        second.write_all(b"PING\r\n")?;
    }
    redis.signal(Signal::SIGCONT)?;
    while second.read(&mut [0; 256]).is_ok_and(|bytes| bytes > 0) {}
    drop((first, second));
    let own = [std::process::id()];
    let [served, asked] = acts;
    Ok(Played {
        expected: vec![
            Wanted::server("redis-server", REDIS, &[redis.pid()], served),
            Wanted::client("the first client", REDIS, &own, "fin_sent/app_close"),
            Wanted::server(
                "redis-server, to the first",
                REDIS,
                &[redis.pid()],
                "fin_received/peer_closed",
            ),
            Wanted::client("the client", REDIS, &own, asked),
        ],
        running: vec![redis],
    })
}

fn maxclients(stage: &Stage) -> anyhow::Result<Played> {
    let acts = [
        "rst_sent/closed_with_unread_data",
        "rst_received/peer_reset",
    ];
    crowded(stage, true, acts)
}

fn maxclients_silent(stage: &Stage) -> anyhow::Result<Played> {
    let acts = ["fin_sent/app_close", "fin_received/peer_closed"];
    crowded(stage, false, acts)
}
