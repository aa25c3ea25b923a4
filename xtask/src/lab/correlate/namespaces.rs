//! The other host, played by another network namespace: its capture, and no socket of it.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use nix::{
    sched::{CloneFlags, setns},
    sys::signal::Signal,
};

use super::{
    file,
    tools::{Tcpdump, Told, need},
};
use crate::{
    lab::{
        Lab,
        recording::tools::{Recorder, Scratch, record},
    },
    shell,
};

const HERE: &str = "10.213.7.1";
const THERE: &str = "10.213.7.2";
const CONNECTIONS: u32 = 60;

/// Two network namespaces and a pair of devices between them; gone with the test.
struct Pair {
    here: String,
    there: String,
}

impl Pair {
    fn new() -> anyhow::Result<Self> {
        let name = |side: &str| format!("frcorr{}{side}", std::process::id());
        let pair = Self {
            here: name("a"),
            there: name("b"),
        };
        let Self { here, there } = &pair;
        ip(&format!("netns add {here}"))?;
        ip(&format!("netns add {there}"))?;
        ip(&format!(
            "-n {here} link add eth0 type veth peer name eth0 netns {there}"
        ))?;
        for (netns, address) in [(here, HERE), (there, THERE)] {
            ip(&format!("-n {netns} address add {address}/24 dev eth0"))?;
            ip(&format!("-n {netns} link set eth0 up"))?;
        }
        Ok(pair)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for netns in [&self.here, &self.there] {
            let _gone = ip(&format!("netns delete {netns}"));
        }
    }
}

fn ip(words: &str) -> anyhow::Result<()> {
    shell::read(Command::new("ip").args(words.split(' '))).map(drop)
}

/// Does something on a thread inside of a network namespace.
fn inside<T: Send + 'static>(
    netns: &str,
    what: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<thread::JoinHandle<anyhow::Result<T>>> {
    let file = File::open(format!("/run/netns/{netns}"))?;
    Ok(thread::spawn(move || {
        setns(file, CloneFlags::CLONE_NEWNET)?;
        what()
    }))
}

/// Connections from one to the other, closed by either side first in turn.
fn play(pair: &Pair) -> anyhow::Result<()> {
    let listener = inside(&pair.here, || Ok(TcpListener::bind((HERE, 0))?))?;
    let listener = listener.join().ok().context("a thread")??;
    let port = listener.local_addr()?.port();
    let server = inside(&pair.here, move || {
        for turn in 0..CONNECTIONS {
            let (mut stream, _) = listener.accept()?;
            if turn % 2 == 0 {
                stream.write_all(b"over")?;
            } else {
                stream.read_to_end(&mut Vec::new())?;
            }
        }
        Ok(())
    })?;
    let client = inside(&pair.there, move || {
        for turn in 0..CONNECTIONS {
            let mut stream = TcpStream::connect((HERE, port))?;
            if turn % 2 == 0 {
                stream.read_to_end(&mut Vec::new())?;
            } else {
                stream.write_all(b"over")?;
            }
            drop(stream);
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    })?;
    client.join().ok().context("the client")??;
    server.join().ok().context("the server")?
}

/// One end is recorded, the other captured, by a clock that is off and drifts: aligned, and every
/// segment of the recorded end is joined.
pub(super) fn other_namespace(lab: &Lab) -> anyhow::Result<()> {
    need("tcpdump")?;
    need("ip")?;
    let scratch = Scratch::new()?;
    let pair = Pair::new()?;
    let (recording, dump) = (scratch.file("recording"), scratch.file("there"));
    let mut inside = Command::new("ip");
    inside.args(["netns", "exec", &pair.there, "tcpdump"]);
    let tcpdump = Tcpdump::start(inside, &["-i", "eth0", "--nano"], &dump)?;
    let mut command = record(lab, &["-o", &recording, "--netns", &pair.here]);
    let recorder = Recorder::start(lab, &mut command, &recording)?;
    play(&pair)?;
    thread::sleep(Duration::from_millis(1_200));
    recorder.stop(Signal::SIGINT)?;
    tcpdump.stop()?;
    let drifted = scratch.file("drifted");
    file::write_drifted(&dump, &drifted, -80)?;
    let told = Told::of(lab, &recording, &[&drifted])?;
    ensure!(told.code == Some(0), "{told:?}");
    let alignment = told.alignment()?;
    let (drift, error) = alignment.drift()?;
    println!(
        "     -80 ppm are told as {drift} ± {error}; {}",
        alignment.0
    );
    ensure!((drift + 80.0).abs() <= error, "{drift} ± {error} ppm");
    ensure!(
        alignment.0["assumption"] == "shortest_delays_equal",
        "{alignment:?}"
    );
    let endings: Vec<_> = told.of_type("ending").collect();
    ensure!(
        endings.len() == usize::try_from(CONNECTIONS)?,
        "{} endings",
        endings.len()
    );
    for ending in endings {
        let segments = ending["segments"].as_array().context("no segments")?;
        let ways: Vec<_> = segments.iter().map(|it| &it["direction"]).collect();
        let both = ways.contains(&&"tx".into()) && ways.contains(&&"rx".into());
        ensure!(both && segments.len() == 2, "{ending}");
    }
    for direction in ["tx", "rx"] {
        println!("     {}", told.delay("drifted", direction)?);
    }
    Ok(())
}
