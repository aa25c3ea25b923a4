//! Scenes: small real programs that end a connection in one known way.
//!
//! A scene says what it did and what must be seen of it; it judges nothing itself.

mod afterwards;
mod arrival;
mod attempts;
pub(crate) mod cast;
mod crossing;
pub(crate) mod crowd;
mod delays;
mod director;
mod exits;
mod forgotten;
mod graceful;
mod holders;
mod late;
mod listeners;
mod multipath;
mod near_miss;
pub(crate) mod netns;
mod options;
mod overflow;
mod part;
mod passing;
mod proof;
mod raw;
mod reset;
mod ring;
mod shared;
mod silence;
pub(crate) mod socket;
pub(crate) mod storm;
mod table;
pub(crate) mod truth;
mod twins;
mod unaccepted;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::ExitCode,
};

use anyhow::Context as _;
use part::Part;
pub(crate) use table::scenes;
use truth::{Expected, Truth};

/// What one process of a scene does; it returns when its part is over.
type Role = fn(&mut Part) -> io::Result<()>;

/// One way to end a connection, played by a server and a client process.
pub(crate) struct Scene {
    /// The name on the command line: letters, digits and underscores.
    pub(crate) name: &'static str,
    /// One line saying what happens, for people.
    pub(crate) title: &'static str,
    /// Where the server is found.
    stage: Stage,
    /// What the process `fr-server` does.
    server: Role,
    /// What the process `fr-client` does.
    client: Role,
    /// What a tracer must have seen, given who and where everybody was.
    expect: fn(&Truth) -> Vec<Expected>,
}

impl Scene {
    /// Whether it changes settings of the whole machine.
    pub(crate) fn takes_the_machine(&self) -> bool {
        self.stage == Stage::Machine
    }
}

/// The address a scene's server has, and whether anybody listens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// 127.0.0.1, or the address asked for.
    Ipv4,
    /// `::1`.
    Ipv6,
    /// An IPv6 socket reached as `::ffff:127.0.0.1`.
    Mapped,
    /// Like `Ipv4`, on a port others may listen on as well, and the server itself does not.
    Shared,
    /// Like `Ipv4`, in a network namespace of the scene's own, whose settings it may change.
    Private,
    /// Like `Private`, and the server listens by Multipath TCP, where the kernel has it.
    Multipath,
    /// Like `Ipv4`, with settings of the whole machine changed: only where it is a guest of ours.
    Machine,
    /// 127.0.0.1 and a port that was free a moment ago.
    Closed,
}

impl Stage {
    /// The address the server binds and the client connects to.
    fn address(self, asked: Option<IpAddr>) -> IpAddr {
        match self {
            Self::Ipv4
            | Self::Shared
            | Self::Private
            | Self::Multipath
            | Self::Machine
            | Self::Closed => asked.unwrap_or(Ipv4Addr::LOCALHOST.into()),
            Self::Ipv6 => Ipv6Addr::LOCALHOST.into(),
            Self::Mapped => Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(),
        }
    }
}

/// What `xtask scene` was told.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// The scene; every scene is listed when none is named.
    name: Option<String>,
    /// Set everything up, say `ready` with the pids and the address, and wait for a line on stdin.
    #[arg(long)]
    wait: bool,
    /// The IPv4 address of the server.
    #[arg(long)]
    address: Option<IpAddr>,
    /// The user the processes run as.
    #[arg(long)]
    uid: Option<u32>,
    /// Play in a network namespace of its own.
    #[arg(long)]
    netns: bool,
    /// Check against the kernel's own counters that the scene ends as it says; implies --netns.
    #[arg(long)]
    prove: bool,
    /// With the scenes `storm` and `crowd`: how many connections.
    #[arg(long, default_value_t = 1000)]
    connections: u32,
    /// With the scene `storm`: how many threads on each side.
    #[arg(long, default_value_t = 2)]
    threads: u32,
    /// With the scene `storm`: how they end, in turn.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "graceful,reset"
    )]
    mix: Vec<storm::Manner>,
    /// With the scene `crowd`: how they end.
    #[arg(long, value_enum, default_value = "server-closes")]
    farewell: crowd::Farewell,
}

/// Plays one scene, or lists them.
///
/// # Errors
/// The scene is not known, or its processes could not do what they were meant to.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let Some(name) = options.name.as_deref() else {
        if options.prove {
            return proof::prove_all();
        }
        let widest = scenes().map(|scene| scene.name.len()).max();
        for scene in scenes() {
            println!(
                "{:width$}  {}",
                scene.name,
                scene.title,
                width = widest.unwrap_or(0)
            );
        }
        return Ok(ExitCode::SUCCESS);
    };
    if name == "storm" {
        let told = storm::play(
            options.connections,
            options.threads,
            &options.mix,
            options.wait,
        )?;
        println!("{}", serde_json::to_string(&told)?);
        return Ok(ExitCode::SUCCESS);
    }
    if name == "crowd" {
        let (wanted, farewell) = (options.connections, options.farewell);
        let told = crowd::play(wanted, farewell, options.wait)?;
        println!("{}", serde_json::to_string(&told)?);
        return Ok(ExitCode::SUCCESS);
    }
    let scene = scenes()
        .find(|scene| scene.name == name)
        .with_context(|| format!("no scene is called {name}"))?;
    if options.prove {
        return proof::prove(scene);
    }
    let told = director::play(scene, options)?;
    println!("{}", serde_json::to_string(&told)?);
    Ok(ExitCode::SUCCESS)
}
