//! A server of Go with three kinds of requests: it forgets to close after one of them, and another
//! one never does.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, ChildStderr, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};

use super::{Watch, watch::Place};
use crate::{
    lab::{Lab, clock::Deadline, go, outcome::Skip},
    setup,
};

/// How often the request is made after which it forgets.
const FORGOTTEN: u64 = 5;

/// The server; it goes with its value.
struct Server {
    program: Child,
    port: u16,
    /// It says before which line it answers such a request.
    says: BufReader<ChildStderr>,
}

impl Server {
    fn start(mut command: Command) -> anyhow::Result<Self> {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut program = command.spawn()?;
        let stdout = program.stdout.take().context("stdout is piped")?;
        let stderr = program.stderr.take().context("stderr is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(Self {
            program,
            port: line.trim().parse()?,
            says: BufReader::new(stderr),
        })
    }

    /// Makes a request, and closes when it is answered.
    fn request(&self, kind: u8) -> anyhow::Result<()> {
        let mut client = TcpStream::connect(("127.0.0.1", self.port))?;
        client.write_all(&[kind])?;
        // All of it: a close with something unread would be a reset.
        let mut answer = vec![0; if kind == b'a' { 4_096 } else { 1 }];
        client.read_exact(&mut answer)?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _killed = self.program.kill();
        let _reaped = self.program.wait();
    }
}

/// Judges the server of this name in every build.
fn each_build(name: &str, judge: impl Fn(Command) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let versions = setup::go::outermost();
    if versions.is_empty() {
        return Err(Skip(go::NO_GO.to_owned()).into());
    }
    let directory = tempfile::tempdir()?;
    for (version, command) in versions {
        for flags in go::BUILDS {
            let program = go::build_programs(&command, flags, directory.path())?;
            let mut program = Command::new(program);
            program.arg(name);
            judge(program).with_context(|| format!("Go {version}, -ldflags={flags:?}"))?;
        }
    }
    Ok(())
}

/// The line that touched last what was forgotten is told, and nothing else leaked: neither what the
/// other requests closed, nor a young connection.
pub(super) fn forgets(lab: &Lab) -> anyhow::Result<()> {
    each_build("forget", |program| {
        let mut server = Server::start(program)?;
        let pid = server.program.id();
        let arguments = ["--touch", "--older-than", "1s", "-p", &pid.to_string()];
        let mut watch = Watch::start(lab, &arguments)?;
        for kind in b"abab" {
            server.request(*kind)?;
        }
        for _ in 0..FORGOTTEN {
            server.request(b'c')?;
        }
        let mut place = String::new();
        server.says.read_line(&mut place)?;
        let _open = TcpStream::connect(("127.0.0.1", server.port))?;
        let deadline = Deadline::after(lab.patience(Duration::from_secs(30)));
        let look = watch.until(deadline, |look| look.whole("sockets") == Some(FORGOTTEN))?;
        let [leak] = look.leaks.as_slice() else {
            bail!("not one group: {look:?}");
        };
        let (got, touched) = (&leak.got, &leak.touched);
        let said = touched.as_ref().map(Place::place);
        ensure!(
            said.as_deref() == Some(place.trim()),
            "not at {place}: {leak:?}"
        );
        let as_told = |it: &Option<Place>, how: &str, function: &str| {
            it.as_ref()
                .is_some_and(|it| it.how == how && it.function.as_deref() == Some(function))
        };
        // Who accepts no tracepoint sees.
        let got_as_told = as_told(got, "accepted", "main.serve") || !lab.functions;
        ensure!(
            leak.kind == "not_closed"
                && leak.held_by == "process"
                && leak.pid() == Some(pid)
                && leak.oldest_exact
                && got_as_told
                && as_told(touched, "sent", "main.status")
                && leak.goroutine.is_some(),
            "{leak:?}"
        );
        let code = watch.stop()?;
        ensure!(code == Some(6), "it ended with {code:?}");
        Ok(())
    })
}

/// The near miss: nothing leaks of a server that closes on every path.
pub(super) fn closes(lab: &Lab) -> anyhow::Result<()> {
    each_build("forget_near", |program| {
        let server = Server::start(program)?;
        let pid = server.program.id().to_string();
        let mut watch = Watch::start(lab, &["--touch", "--older-than", "1ms", "-p", &pid])?;
        for kind in b"abcabc" {
            server.request(*kind)?;
        }
        // Closing takes the server a moment; then nothing is left, of whatever age.
        let deadline = Deadline::after(lab.patience(Duration::from_secs(30)));
        let look = watch.until(deadline, |look| look.whole("sockets") == Some(0))?;
        ensure!(look.leaks.is_empty(), "{look:?}");
        let code = watch.stop()?;
        ensure!(code == Some(0), "it ended with {code:?}");
        Ok(())
    })
}
