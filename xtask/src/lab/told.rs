//! What finrst printed, as far as a test looks at it: schema 1 of its JSON Lines.

mod account;
mod carried;
mod kind;

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

use crate::scene::truth::Exit;

pub(crate) use account::{Clock, Summary};
pub(crate) use carried::Carried;
pub(crate) use kind::Kind;

/// One line of `finrst trace -o json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Line {
    /// Everything is attached.
    Start,
    /// One connection ended.
    Ending(Box<Ending>),
    /// A segment that no ending tells.
    Segment(Box<Stray>),
    /// The last line.
    Summary(Summary),
    /// Something a test does not look at.
    #[serde(other)]
    Other,
}

/// One ending.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ending {
    /// Both ends.
    pub(crate) connection: Connection,
    /// Who held the socket.
    pub(crate) owner: Option<Owner>,
    /// Who still holds it, where that was looked for.
    pub(crate) holders: Option<Vec<Holder>>,
    /// Who asked for the close, of a program of Go.
    #[serde(default)]
    pub(crate) asked: Option<Asked>,
    /// Who performed the decisive act.
    pub(crate) actor: Actor,
    /// Who acted first.
    pub(crate) initiator: Option<String>,
    /// How that is known.
    #[serde(default)]
    pub(crate) initiator_proof: Option<String>,
    /// The decisive act.
    pub(crate) how: String,
    /// Its cause.
    pub(crate) cause: String,
    /// The kernel's own reason.
    pub(crate) kernel_reason: Option<String>,
    /// Every act in order.
    pub(crate) acts: Vec<Act>,
    /// The facts behind the verdict, as `name=value`.
    #[serde(default)]
    pub(crate) evidence: Vec<String>,
    /// The cause in a sentence.
    pub(crate) explanation: Option<String>,
    /// The FINs and RSTs on the wire; `None` without a capture.
    pub(crate) segments: Option<Vec<Segment>>,
    /// The stacks behind the act it is told by, as they come.
    #[serde(default)]
    pub(crate) stack: serde_json::Value,
    /// What the connection carried.
    #[serde(default)]
    pub(crate) bytes: Carried,
    /// How the facts were obtained.
    pub(crate) via: Option<String>,
}

/// A FIN or RST on the wire.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Segment {
    /// `tx` or `rx`.
    pub(crate) direction: String,
    /// tcpdump's letters.
    pub(crate) flags: String,
    /// Its sequence number.
    pub(crate) seq: u32,
    /// The time of the act it belongs to.
    pub(crate) kernel_ns: Option<u64>,
    /// From what it counts from to its first sighting.
    #[serde(default)]
    pub(crate) kernel_to_wire_ns: Option<i64>,
    /// What that counts from.
    #[serde(default)]
    pub(crate) counted_from: Option<String>,
    /// How often it was sent again.
    #[serde(default)]
    pub(crate) retransmits: u32,
    /// What it acknowledges.
    #[serde(default)]
    pub(crate) ack: u32,
    /// Its bytes of payload.
    #[serde(default)]
    pub(crate) payload_bytes: u32,
    /// Where it was seen.
    #[serde(default)]
    pub(crate) sightings: Vec<Sighting>,
}

/// A segment that no ending tells.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Stray {
    /// Why.
    pub(crate) reason: String,
    /// Who sent it, where it was seen first.
    pub(crate) source: End,
    /// Who it was for.
    pub(crate) destination: End,
    /// tcpdump's letters.
    pub(crate) flags: String,
    /// Its sequence number.
    pub(crate) seq: u32,
    /// What it acknowledges.
    pub(crate) ack: u32,
    /// Its bytes of payload.
    pub(crate) payload_bytes: u32,
    /// Where it was seen.
    pub(crate) sightings: Vec<Sighting>,
}

/// Where a segment was seen.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Sighting {
    /// The network namespace's inode number.
    pub(crate) netns: Option<u32>,
    /// Who sent it there, if that is not what the socket says.
    source: Option<End>,
    /// Who it was for there; likewise.
    destination: Option<End>,
}

impl Sighting {
    /// Who sent it and who it was for there.
    pub(crate) fn ends(&self, usual: (SocketAddr, SocketAddr)) -> (SocketAddr, SocketAddr) {
        match (self.source, self.destination) {
            (Some(source), Some(destination)) => (source.into(), destination.into()),
            _ => usual,
        }
    }
}

/// A descriptor that still refers to a socket.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Holder {
    /// Whose it is.
    pub(crate) pid: Option<u32>,
    /// Its number.
    pub(crate) fd: Option<u32>,
}

/// Both ends of an ending's connection.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Connection {
    /// What this end goes by.
    pub(crate) id: Option<String>,
    /// What the other end goes by, when it is on this host.
    pub(crate) peer_id: Option<String>,
    /// What an earlier ending of the same end went by: this one goes on where that one stopped.
    pub(crate) after: Option<String>,
    /// This end.
    pub(crate) local: End,
    /// The other end.
    pub(crate) remote: End,
    /// The network namespace's inode number.
    pub(crate) netns: Option<u32>,
}

/// One end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub(crate) struct End {
    /// Its address.
    pub(crate) addr: IpAddr,
    /// Its port.
    pub(crate) port: u16,
}

impl From<End> for SocketAddr {
    fn from(end: End) -> Self {
        Self::new(end.addr.to_canonical(), end.port)
    }
}

/// Who held a socket.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Owner {
    /// Its pid.
    pub(crate) pid: Option<u32>,
    /// Its name.
    pub(crate) comm: Option<String>,
    /// What it runs.
    pub(crate) exe: Option<String>,
    /// When it was made, in nanoseconds since boot.
    pub(crate) start_ns: Option<u64>,
    /// How it ended, when it had.
    pub(crate) exit: Option<Exit>,
    /// How sure that is.
    pub(crate) confidence: String,
}

/// Who acted.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Actor {
    /// `task`, `softirq`, ….
    pub(crate) context: String,
    /// The task's pid.
    pub(crate) pid: Option<u32>,
    /// Its name.
    pub(crate) comm: Option<String>,
    /// The goroutine it ran for.
    pub(crate) goroutine: Option<u64>,
}

/// Who asked for a close.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Asked {
    /// Which goroutine.
    pub(crate) goroutine: Option<u64>,
    /// The calls that led there.
    pub(crate) user: serde_json::Value,
}

/// One act.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Act {
    /// When, on the monotonic clock, in nanoseconds.
    pub(crate) mono_ns: u64,
    /// What.
    pub(crate) how: String,
    /// Why.
    pub(crate) cause: String,
    /// How sure that is.
    #[serde(default)]
    pub(crate) confidence: String,
    /// Who.
    pub(crate) actor: Actor,
    /// The stacks behind it, where the ending itself does not have them.
    #[serde(default)]
    pub(crate) stack: serde_json::Value,
}
