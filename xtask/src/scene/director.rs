//! The director: sets the stage, hires the parts, and writes down what they tell.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::SocketAddr,
    os::unix::net::UnixStream,
};

use anyhow::{Context as _, bail};

use super::{
    Options, Scene, Stage, cast, multipath, netns,
    part::Part,
    socket,
    truth::{Connection, Process, Ready, Told, Truth},
};

/// The byte that lets a part begin.
const BEGIN: u8 = b'!';

/// Plays a scene to its end.
///
/// # Errors
/// A process could not be made, or one of them could not do its part.
pub(crate) fn play(scene: &Scene, options: &Options) -> anyhow::Result<Told> {
    if options.netns || options.prove || matches!(scene.stage, Stage::Private | Stage::Multipath) {
        netns::enter_new()?;
    }
    let (server_partner, client_partner) = UnixStream::pair()?;
    let asked = SocketAddr::new(scene.stage.address(options.address), 0);
    let server = cast::hire("fr-server", options.uid, |director| {
        serve(scene, asked, director, server_partner.try_clone()?)
    })?;
    drop(server_partner);
    let address = read_line(&server.line)?
        .parse()
        .context("the server has no address")?;
    let client = cast::hire("fr-client", options.uid, |director| {
        let mut part = Part {
            director,
            partner: client_partner.try_clone()?,
            partner_pid: Some(server.pid),
            address,
            listener: None,
        };
        part.director.read_exact(&mut [0])?;
        (scene.client)(&mut part)
    })?;
    drop(client_partner);
    let mut truth = Truth {
        server: process(server.pid, "fr-server")?,
        client: process(client.pid, "fr-client")?,
        ..Truth::default()
    };
    if options.wait {
        wait_for_a_line(&Ready {
            director: std::process::id(),
            server: truth.server.clone(),
            client: truth.client.clone(),
            address,
            netns: netns::inode()?,
        })?;
    }
    for part in [&server, &client] {
        (&part.line).write_all(&[BEGIN])?;
    }
    for part in [server, client] {
        for line in BufReader::new(part.line).lines() {
            note(&mut truth, &line?)?;
        }
        cast::dismiss(part.pid)?;
    }
    Ok(Told {
        scene: scene.name.to_owned(),
        title: scene.title.to_owned(),
        server: truth.server.clone(),
        client: truth.client.clone(),
        netns: netns::inode()?,
        connections: truth.connections.clone(),
        expected: (scene.expect)(&truth),
        facts: truth.facts,
    })
}

/// The server's life: it is somewhere, says where, and plays its role when told.
fn serve(
    scene: &Scene,
    asked: SocketAddr,
    mut director: UnixStream,
    partner: UnixStream,
) -> io::Result<()> {
    let listener = match scene.stage {
        Stage::Closed => None,
        Stage::Shared => Some(socket::reserve_shared(asked)?),
        Stage::Multipath => Some(multipath::listen(asked)?),
        Stage::Ipv4 | Stage::Private | Stage::Machine | Stage::Ipv6 | Stage::Mapped => {
            Some(socket::listen(asked)?)
        }
    };
    let address = match &listener {
        Some(listener) => listener.local_addr()?,
        None => socket::free_port(asked)?,
    };
    director.write_all(format!("{address}\n").as_bytes())?;
    director.read_exact(&mut [0])?;
    (scene.server)(&mut Part {
        director,
        partner,
        partner_pid: None,
        address,
        listener,
    })
}

/// Says who is there, and goes on when somebody sends a line.
///
/// # Errors
/// Nobody does.
pub(crate) fn wait_for_a_line(ready: &Ready) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(ready)?);
    match io::stdin().lines().next() {
        Some(line) => line.map(drop).context("stdin cannot be read"),
        None => bail!("nobody gave the cue"),
    }
}

/// Takes down one line a part told.
fn note(truth: &mut Truth, line: &str) -> anyhow::Result<()> {
    let (key, value) = line.split_once(' ').context("a fact without a value")?;
    if key == "connection" {
        let (client, server) = value.split_once(' ').context("a connection has two ends")?;
        truth.connections.push(Connection {
            client: client.parse()?,
            server: server.parse()?,
        });
        return Ok(());
    }
    truth
        .facts
        .entry(key.to_owned())
        .or_default()
        .push(value.to_owned());
    Ok(())
}

/// One line, byte by byte, so that nothing behind it is swallowed.
fn read_line(mut line: &UnixStream) -> io::Result<String> {
    let mut text = String::new();
    let mut byte = [0];
    loop {
        line.read_exact(&mut byte)?;
        match byte {
            [b'\n'] => return Ok(text),
            [other] => text.push(char::from(other)),
        }
    }
}

/// A process by the name it was hired under.
fn process(pid: nix::unistd::Pid, comm: &str) -> anyhow::Result<Process> {
    let pid = u32::try_from(pid.as_raw()).context("a pid is positive")?;
    Ok(Process::now(pid, comm))
}
