//! The programs of the ground truth: who they are, and whose each end of their connections is.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use super::{
    child::{Server, children, lines, run},
    network::{BRIDGED, Network, TRANSLATED},
    program::Program,
};
use crate::{
    lab::{clock::Deadline, played},
    scene::storm::Storm,
    shell,
};

/// Where the client's part is, and the server's.
const CLIENT: usize = 0;
const SERVER: usize = 2;

/// Where the programs run, and how much of them.
pub(super) struct Stage<'a> {
    pub(super) network: &'a Network,
    pub(super) directory: &'a Path,
    /// Connections of the larger programs.
    pub(super) size: u32,
    /// The Go programs: server and client.
    pub(super) go: [PathBuf; 2],
}

impl Stage<'_> {
    /// Runs everything, one program after the other.
    pub(super) fn play(&self) -> anyhow::Result<Vec<Program>> {
        let mut programs = self.nginx()?;
        programs.push(self.redis()?);
        programs.push(self.go()?);
        programs.push(self.loopback()?);
        programs.push(self.refused()?);
        Ok(programs)
    }

    fn serve(&self, command: &mut Command, port: u16) -> anyhow::Result<Server> {
        let server = Server(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?,
        );
        let deadline = Deadline::after(Duration::from_secs(20));
        while !self.listens(port)? {
            ensure!(!deadline.left().is_zero(), "nobody listens at {port}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// Whether a port is listened at, by the tables: to try would be a connection of its own.
    fn listens(&self, port: u16) -> anyhow::Result<bool> {
        let mut cat = self.network.command(SERVER, "cat");
        let table = shell::read(cat.arg("/proc/net/tcp"))?;
        let wanted = format!(":{port:04X} 00000000:0000 0A");
        Ok(table.contains(&wanted))
    }

    /// nginx with two workers, asked by wrk and by curls that give up.
    fn nginx(&self) -> anyhow::Result<Vec<Program>> {
        let (fast, slow) = (8080, 8081);
        let directory = self.directory.join("nginx");
        fs::create_dir_all(&directory)?;
        let here = directory.display();
        fs::write(directory.join("page"), vec![b'x'; 200_000])?;
        let log = directory.join("access.log");
        let configuration = format!(
            "worker_processes 2; daemon off; pid {here}/pid; error_log {here}/error.log; user root;\n\
             events {{ worker_connections 4096; }}\n\
             http {{ log_format who '$pid $remote_addr:$remote_port $server_port'; access_log {} who;\n\
             server {{ listen {fast} reuseport; location / {{ return 200 'ok'; }} }}\n\
             server {{ listen {slow} reuseport; root {here}; location / {{ limit_rate 10k; }} }} }}\n",
            log.display()
        );
        let file = directory.join("nginx.conf");
        fs::write(&file, configuration)?;
        let mut command = self.network.command(SERVER, "nginx");
        let server = self.serve(command.arg("-c").arg(&file), fast)?;
        let workers = children(server.0.id())?;
        let mut wrk = self.wrk(fast, &log)?;
        let mut curl = self.curl(slow)?;
        std::thread::sleep(Duration::from_millis(300));
        for program in [&mut wrk, &mut curl] {
            program.servers.clone_from(&workers);
        }
        for line in fs::read_to_string(&log)?.lines() {
            let mut words = line.split(' ');
            let mut word = || words.next().context("a line of the log");
            let (pid, end, port) = (word()?, word()?, word()?);
            let program = if port.parse() == Ok(fast) {
                &mut wrk
            } else {
                &mut curl
            };
            let of = program.server_of.entry(end.parse()?).or_default();
            of.push(pid.parse()?);
        }
        drop(server);
        Ok(vec![wrk, curl])
    }

    /// Loads nginx until it has logged enough.
    fn wrk(&self, fast: u16, log: &Path) -> anyhow::Result<Program> {
        let mut wrk = Program::new("nginx + wrk", fast);
        for address in [BRIDGED, TRANSLATED] {
            // By time, as wrk has it: until there are enough, or it takes too long.
            let deadline = Deadline::after(Duration::from_mins(1));
            let before = lines(log)?;
            while lines(log)? - before < usize::try_from(self.size / 2)?
                && !deadline.left().is_zero()
            {
                let mut command = self.network.command(CLIENT, "wrk");
                let url = format!("http://{address}:{fast}/");
                command.args([
                    "-t",
                    "2",
                    "-c",
                    "16",
                    "-d",
                    "1s",
                    "-H",
                    "Connection: close",
                    &url,
                ]);
                wrk.clients.insert(run(&mut command)?.0);
            }
        }
        Ok(wrk)
    }

    /// Downloads that are given up in the middle.
    fn curl(&self, slow: u16) -> anyhow::Result<Program> {
        let mut curl = Program::new("nginx + curl", slow);
        for number in 0..(self.size / 60).max(20) {
            let address = if number % 2 == 0 { BRIDGED } else { TRANSLATED };
            let url = format!("http://{address}:{slow}/page");
            let mut command = self.network.command(CLIENT, "curl");
            command.args([
                "-s",
                "-o",
                "/dev/null",
                "-w",
                "%{local_port}",
                "--max-time",
                "0.1",
                &url,
            ]);
            let (pid, out) = run(&mut command)?;
            if let Ok(port) = out.trim().parse() {
                curl.client_of.entry(port).or_default().insert(pid);
            }
            curl.clients.insert(pid);
        }
        Ok(curl)
    }

    /// redis-server, asked by redis-benchmark with a connection for each question, and by redis-cli.
    fn redis(&self) -> anyhow::Result<Program> {
        let port = 6380;
        let mut command = self.network.command(SERVER, "redis-server");
        command.args([
            "--port",
            "6380",
            "--bind",
            "0.0.0.0",
            "--protected-mode",
            "no",
            "--save",
            "",
        ]);
        let server = self.serve(command.args(["--dir", "/"]), port)?;
        let mut redis = Program::new("redis", port);
        redis.servers.insert(server.0.id());
        for address in [BRIDGED, TRANSLATED] {
            let mut command = self.network.command(CLIENT, "redis-benchmark");
            let count = (self.size / 4).to_string();
            command.args([
                "-h",
                address,
                "-p",
                "6380",
                "-k",
                "0",
                "-q",
                "-c",
                "20",
                "-t",
                "ping_mbulk",
                "-n",
                &count,
            ]);
            redis.clients.insert(run(&mut command)?.0);
            for _ in 0..10 {
                let mut command = self.network.command(CLIENT, "redis-cli");
                let pid = run(command.args(["-h", address, "-p", "6380", "ping"]))?.0;
                redis.clients.insert(pid);
            }
        }
        drop(server);
        Ok(redis)
    }

    /// A server and a client of Go's net/http.
    fn go(&self) -> anyhow::Result<Program> {
        let port = 8090;
        let [server, client] = self.go.each_ref().map(|it| it.display().to_string());
        let mut command = self.network.command(SERVER, &server);
        let server = self.serve(command.arg("8090"), port)?;
        let mut go = Program::new("Go net/http", port);
        go.servers.insert(server.0.id());
        for address in [BRIDGED, TRANSLATED] {
            let mut command = self.network.command(CLIENT, &client);
            command.args([
                format!("http://{address}:{port}"),
                (self.size / 8).to_string(),
            ]);
            go.clients.insert(run(&mut command)?.0);
        }
        drop(server);
        Ok(go)
    }

    /// A storm of our own on the server's loopback device.
    fn loopback(&self) -> anyhow::Result<Program> {
        let words = played::command("storm", &[])?;
        let mut command = self
            .network
            .command(SERVER, &words.get_program().to_string_lossy());
        let count = (self.size / 4).to_string();
        command.args([
            "scene",
            "storm",
            "--mix",
            "graceful,reset,unread",
            "--connections",
            &count,
        ]);
        let (_, out) = run(&mut command)?;
        let storm: Storm = serde_json::from_str(&out)?;
        Ok(Program {
            servers: HashSet::from([storm.server]),
            clients: HashSet::from([storm.client]),
            ..Program::new("raw, on lo", storm.port)
        })
    }

    /// Connections netfilter refuses: the RSTs are nobody's.
    fn refused(&self) -> anyhow::Result<Program> {
        let mut refused = Program::new("netfilter REJECT", 9999);
        for _ in 0..10 {
            let mut command = self.network.command(CLIENT, "curl");
            let url = format!("http://{BRIDGED}:9999/");
            let (pid, _) = run(command.args(["-s", "-o", "/dev/null", &url]))?;
            refused.clients.insert(pid);
        }
        Ok(refused)
    }
}
