//! `HAProxy`, between clients and servers.

use std::{
    io::{Read as _, Write as _},
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;

use super::{
    Played, Program, Wanted,
    stage::{Place, Running, Stage, ask},
    web::nginx,
};

/// The programs.
pub(super) const PROGRAMS: &[Program] = &[
    Program {
        name: "haproxy_hard_stop",
        title: "HAProxy, `hard-stop-after`: a client stays on after the soft stop",
        needs: &["haproxy"],
        arguments: &[],
        play: hard_stop,
    },
    Program {
        name: "haproxy_server_close",
        title: "HAProxy, `http-server-close`: two requests over one connection of the client's",
        needs: &["haproxy"],
        arguments: &[],
        play: server_close,
    },
    Program {
        name: "haproxy_check",
        title: "HAProxy, `check`: it looks whether a server is there",
        needs: &["haproxy", "nginx"],
        arguments: &[],
        play: check,
    },
];

const FRONT: u16 = 8090;
const BACK: u16 = 8091;

/// A request that lets the connection live on.
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";

/// Starts `HAProxy` in front of a server at [`BACK`], without a worker of its own.
fn haproxy(stage: &Stage, global: &str, more: &str, server: &str) -> anyhow::Result<Running> {
    let text = format!(
        "global\n nbthread 1\n {global}\n\
         defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n {more}\n\
         listen front\n bind *:{FRONT}\n server back 127.0.0.1:{BACK} {server}\n"
    );
    let file = stage.file("haproxy.cfg", &text)?;
    let mut command = stage.command(Place::Server, "haproxy");
    stage.serve(command.arg("-db").arg("-f").arg(file), FRONT)
}

fn hard_stop(stage: &Stage) -> anyhow::Result<Played> {
    let mut haproxy = haproxy(stage, "hard-stop-after 500ms", "mode tcp", "")?;
    let back = stage.listen(BACK)?;
    let mut stream = stage.connect(FRONT)?;
    stream.write_all(b"hello")?;
    let (mut served, _) = back.accept()?;
    served.read_exact(&mut [0; 5])?;
    haproxy.signal(Signal::SIGUSR1)?;
    haproxy.wait()?;
    let _ended = stream.read(&mut [0]);
    let _ended = served.read(&mut [0]);
    drop((stream, served));
    let (own, pid) = (std::process::id(), haproxy.pid());
    Ok(Played {
        expected: vec![
            Wanted::server("haproxy", FRONT, &[pid], "fin_sent/app_shutdown_write"),
            Wanted::client("the client", FRONT, &[own], "fin_received/peer_closed"),
            Wanted::client(
                "haproxy, to the server",
                BACK,
                &[pid],
                "rst_sent/linger_zero",
            ),
            Wanted::server("the server", BACK, &[own], "rst_received/peer_reset"),
        ],
        running: Vec::new(),
    })
}

fn server_close(stage: &Stage) -> anyhow::Result<Played> {
    let haproxy = haproxy(stage, "", "option http-server-close", "")?;
    let back = stage.listen(BACK)?;
    let mut stream = stage.connect(FRONT)?;
    for _ in 0..2 {
        stream.write_all(REQUEST.as_bytes())?;
        let (mut served, _) = back.accept()?;
        served.set_read_timeout(Some(Duration::from_secs(20)))?;
        ask(&served, "")?;
        let _request = served.read(&mut [0; 4096])?;
        served.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        let _answer = stream.read(&mut [0; 4096])?;
        // It was asked to close, and does not: HAProxy does not wait for that.
        let _ended = served.read(&mut [0]);
    }
    drop(stream);
    let (own, pid) = ([std::process::id()], [haproxy.pid()]);
    Ok(Played {
        expected: vec![
            Wanted::server("the server", BACK, &own, "rst_received/peer_reset"),
            Wanted::client("haproxy, to the server", BACK, &pid, "rst_sent/linger_zero"),
            Wanted::server("haproxy", FRONT, &pid, "fin_received/peer_closed"),
            Wanted::client("the client", FRONT, &own, "fin_sent/app_close"),
        ],
        running: vec![haproxy],
    })
}

fn check(stage: &Stage) -> anyhow::Result<Played> {
    let (nginx, _) = nginx(stage, BACK, &format!("listen {BACK}; return 200 'ok';"))?;
    let haproxy = haproxy(stage, "", "", "check inter 200ms")?;
    thread::sleep(Duration::from_millis(700));
    Ok(Played {
        expected: vec![Wanted::client(
            "haproxy, to the server",
            BACK,
            &[haproxy.pid()],
            "rst_sent/linger_zero",
        )],
        running: vec![haproxy, nginx],
    })
}
