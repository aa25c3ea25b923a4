//! What tools and settings of the kernel do to programs.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::Duration,
};

use anyhow::{bail, ensure};
use nix::sys::signal::Signal;
use socket2::SockRef;

use super::{
    Played, Program, Wanted,
    redis::redis,
    stage::{Place, SERVER, Stage, ask, await_true},
    web::{nginx, nginx_by},
};
use crate::lab::outcome::Skip;

/// The programs.
pub(super) const PROGRAMS: &[Program] = &[
    Program {
        name: "ss_kill",
        title: "`ss -K`: an operator destroys a socket of Redis",
        needs: &["redis-server", "ss"],
        arguments: &[],
        play: ss_kill,
    },
    Program {
        name: "nft_reject",
        title: "nftables, `reject with tcp reset`: curl connects",
        needs: &["curl", "nft"],
        arguments: &["--wire", "xmit", "--unjoined"],
        play: reject,
    },
    Program {
        name: "nft_reject_established",
        title: "nftables, `reject with tcp reset`: a rule comes when the connection is there",
        needs: &["redis-server", "nft"],
        arguments: &["--wire", "afpacket", "--unjoined"],
        play: reject_established,
    },
    Program {
        name: "nft_reject_local",
        title: "nftables, `reject with tcp reset`: both ends are in one namespace, nothing is captured",
        needs: &["redis-server", "nft"],
        arguments: &[],
        play: reject_local,
    },
    Program {
        name: "nft_reject_other",
        title: "nftables, `reject with tcp reset`: of two resets, one is the server's own",
        needs: &["redis-server", "nft"],
        arguments: &["--wire", "xmit", "--unjoined"],
        play: reject_other,
    },
    Program {
        name: "abort_on_overflow",
        title: "`tcp_abort_on_overflow=1`: nginx stands still with a short queue",
        needs: &["nginx"],
        arguments: &[],
        play: abort_on_overflow,
    },
    Program {
        name: "keepalive_cable",
        title: "Redis, `tcp-keepalive 1`: the client's host goes off the wire",
        needs: &["redis-server"],
        arguments: &[],
        play: cable,
    },
    Program {
        name: "mptcp_unread",
        title: "Multipath TCP: curl under mptcpize closes with data unread",
        needs: &["curl", "mptcpize", "nginx"],
        arguments: &[],
        play: mptcp_unread,
    },
];

const REDIS: u16 = 6390;
const WEB: u16 = 8080;

fn ss_kill(stage: &Stage) -> anyhow::Result<Played> {
    let redis = redis(stage, &[])?;
    let mut stream = stage.connect(REDIS)?;
    ask(&stream, "PING\r\n")?;
    stream.read_exact(&mut [0; 7])?;
    let mut ss = stage.command(Place::Server, "ss");
    ss.args(["-K", "-tn", "state", "established", "sport", "=", ":6390"]);
    let (operator, said) = stage.run(&mut ss)?;
    if !said.contains("6390") {
        bail!(Skip(format!(
            "ss -K destroys nothing here: {}",
            said.trim()
        )));
    }
    let _ended = stream.read(&mut [0]);
    drop(stream);
    let destroyed = Wanted::server(
        "redis-server",
        REDIS,
        &[redis.pid()],
        "rst_sent/socket_destroyed",
    );
    let own = [std::process::id()];
    Ok(Played {
        expected: vec![
            destroyed.by(operator),
            Wanted::client("the client", REDIS, &own, "rst_received/peer_reset"),
        ],
        running: vec![redis],
    })
}

const RULES: &str = "table ip finrst {\n chain in {\n type filter hook input priority 0;\n \
                     tcp dport 6390 reject with tcp reset\n }\n}\n";

fn reject(stage: &Stage) -> anyhow::Result<Played> {
    stage.rules(RULES)?;
    let mut curl = stage.command(Place::Client, "curl");
    let (pid, _) = stage.run(curl.args(["-s", &format!("http://{SERVER}:{REDIS}/")]))?;
    Ok(Played {
        expected: vec![Wanted::client(
            "curl",
            REDIS,
            &[pid],
            "rst_received/netfilter_reject",
        )],
        running: Vec::new(),
    })
}

fn reject_established(stage: &Stage) -> anyhow::Result<Played> {
    let redis = redis(stage, &[])?;
    rejected(stage, stage.connect(REDIS)?)?;
    Ok(Played {
        expected: vec![netfilter("the client")],
        running: vec![redis],
    })
}

/// Both ends in one namespace: without a capture, the server's socket is what proves it.
fn reject_local(stage: &Stage) -> anyhow::Result<Played> {
    let redis = redis(stage, &[])?;
    let stream = stage.inside(Place::Server, || Ok(TcpStream::connect((SERVER, REDIS))?))?;
    rejected(stage, stream)?;
    Ok(Played {
        expected: vec![netfilter("the client")],
        running: vec![redis],
    })
}

/// A rule that rejects a client's request to Redis, and a server that resets another client itself.
fn reject_other(stage: &Stage) -> anyhow::Result<Played> {
    let redis = redis(stage, &[])?;
    let listener = stage.listen(WEB)?;
    let mut other = stage.connect(WEB)?;
    other.set_read_timeout(Some(Duration::from_secs(20)))?;
    let (served, _) = listener.accept()?;
    rejected(stage, stage.connect(REDIS)?)?;
    SockRef::from(&served).set_linger(Some(Duration::ZERO))?;
    drop(served);
    let _ended = other.read(&mut [0]);
    drop(other);
    let own = [std::process::id()];
    Ok(Played {
        expected: vec![
            netfilter("the client of Redis"),
            Wanted::server("the server", WEB, &own, "rst_sent/linger_zero"),
            Wanted::client("its client", WEB, &own, "rst_received/peer_reset"),
        ],
        running: vec![redis],
    })
}

/// Asks Redis something, and again once there is a rule against it.
fn rejected(stage: &Stage, mut stream: TcpStream) -> anyhow::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    ask(&stream, "PING\r\n")?;
    stream.read_exact(&mut [0; 7])?;
    stage.rules(RULES)?;
    stream.write_all(b"PING\r\n")?;
    let _ended = stream.read(&mut [0]);
    Ok(())
}

/// What is told of a client of Redis that the firewall rejected.
fn netfilter(whose: &'static str) -> Wanted {
    let own = [std::process::id()];
    Wanted::client(whose, REDIS, &own, "rst_received/netfilter_reject")
}

/// Clients whose requests, and with them their handshakes, come when nginx takes nobody.
fn abort_on_overflow(stage: &Stage) -> anyhow::Result<Played> {
    stage.sysctl("tcp_abort_on_overflow", 1)?;
    // A listener that waits for data has the kernel put off the end of each handshake until then.
    let server = format!("listen {WEB} deferred backlog=1; return 200 'ok';");
    let (nginx, workers) = nginx(stage, WEB, &server)?;
    for &worker in &workers {
        let pid = nix::unistd::Pid::from_raw(worker.cast_signed());
        nix::sys::signal::kill(pid, Signal::SIGSTOP)?;
    }
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(stage.connect(WEB)?);
    }
    for stream in &mut streams {
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        thread::sleep(Duration::from_millis(50));
    }
    for &worker in &workers {
        let pid = nix::unistd::Pid::from_raw(worker.cast_signed());
        nix::sys::signal::kill(pid, Signal::SIGCONT)?;
    }
    let mut refused = 0;
    for mut stream in streams {
        refused += u32::from(stream.read_to_end(&mut Vec::new()).is_err());
    }
    ensure!(refused > 0, "nobody was refused");
    let own = [std::process::id()];
    // The master opened the listener, and holds it as well as its worker.
    let listening = [&workers[..], &[nginx.pid()]].concat();
    Ok(Played {
        expected: vec![
            Wanted::server("nginx, in the queue", WEB, &workers, "fin_sent/app_close"),
            Wanted::client(
                "a client in the queue",
                WEB,
                &own,
                "fin_received/peer_closed",
            ),
            Wanted::server(
                "nginx, queue full",
                WEB,
                &listening,
                "rst_sent/accept_queue_overflow",
            ),
            Wanted::client("a client too many", WEB, &own, "rst_received/peer_reset"),
        ],
        running: vec![nginx],
    })
}

fn cable(stage: &Stage) -> anyhow::Result<Played> {
    let redis = redis(stage, &["--tcp-keepalive", "1"])?;
    let mut stream = stage.connect(REDIS)?;
    ask(&stream, "PING\r\n")?;
    stream.read_exact(&mut [0; 7])?;
    stage.pull_cable()?;
    await_true("the end of the connection", || {
        Ok(!stage.table(Place::Server)?.contains(":18F6 0208D50A"))
    })?;
    let served = [redis.pid()];
    Ok(Played {
        expected: vec![Wanted::server(
            "redis-server",
            REDIS,
            &served,
            "rst_sent/keepalive_timeout",
        )],
        running: vec![redis],
    })
}

fn mptcp_unread(stage: &Stage) -> anyhow::Result<Played> {
    let port = 8080;
    std::fs::write(stage.directory().join("page"), vec![b'x'; 4 << 20])?;
    let here = stage.directory().display().to_string();
    // The listener of nginx has to be one of Multipath TCP as well.
    let mut command = stage.command(Place::Server, "mptcpize");
    command.args(["run", "nginx"]);
    let server = format!("listen {port}; root {here};");
    let (nginx, workers) = nginx_by(command, stage, port, &server)?;
    let mut curl = stage.command(Place::Client, "mptcpize");
    curl.args(["run", "curl", "-s", "-o", "/dev/null", "--max-time", "1"]);
    curl.args([
        "--limit-rate",
        "1k",
        &format!("http://{SERVER}:{port}/page"),
    ]);
    let (pid, _) = stage.run(&mut curl)?;
    Ok(Played {
        expected: vec![
            Wanted::client("curl", WEB, &[pid], "rst_sent/mptcp_fastclose"),
            Wanted::server("nginx", WEB, &workers, "rst_received/peer_reset"),
        ],
        running: vec![nginx],
    })
}
