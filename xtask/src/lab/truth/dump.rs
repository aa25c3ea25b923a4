//! What tcpdump saw in a namespace, each FIN and RST once however often it was sent or seen.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::network::Network;
use crate::shell;

/// A FIN by the number of the FIN itself, an RST by all of its numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    /// Who sent it.
    pub(super) source: SocketAddr,
    /// Who it was for.
    pub(super) destination: SocketAddr,
    /// `F`, or the flags of an RST.
    pub(super) flags: String,
    /// The number.
    pub(super) seq: u32,
    /// Of an RST, what it acknowledges.
    pub(super) ack: u32,
}

impl Key {
    /// The key of a segment by what its headers say; flags are tcpdump's letters.
    pub(super) fn new(
        (source, destination): (SocketAddr, SocketAddr),
        flags: &str,
        (seq, bytes, ack): (u32, u32, u32),
    ) -> Self {
        let reset = flags.contains('R');
        let acked = reset && flags.contains('.');
        Self {
            source,
            destination,
            flags: if reset { flags } else { "F" }.to_owned(),
            seq: if reset { seq } else { seq.wrapping_add(bytes) },
            ack: if acked { ack } else { 0 },
        }
    }
}

/// A tcpdump that runs in a namespace.
pub(super) struct Dump {
    child: Child,
    file: PathBuf,
    talk: PathBuf,
}

/// What one saw.
#[derive(Debug, Default)]
pub(super) struct Dumped {
    /// The segments that left, and in how many copies they were seen leaving.
    pub(super) sent: HashMap<Key, u32>,
    /// All of them.
    pub(super) seen: HashMap<Key, u32>,
    /// Packets it had no room for.
    pub(super) dropped: u64,
}

impl Dump {
    /// Begins.
    pub(super) fn start(network: &Network, place: usize, directory: &Path) -> anyhow::Result<Self> {
        let file = directory.join(format!("{place}.pcap"));
        let talk = directory.join(format!("{place}.err"));
        let child = network
            .command(place, "tcpdump")
            .args([
                "-i",
                "any",
                "-y",
                "LINUX_SLL2",
                "-s",
                "128",
                "-B",
                "65536",
                "-Z",
                "root",
                "-w",
            ])
            .arg(&file)
            .arg("tcp[tcpflags] & (tcp-fin|tcp-rst) != 0")
            .stderr(std::fs::File::create(&talk)?)
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { child, file, talk })
    }

    /// Ends it and reads what it saw.
    pub(super) fn stop(mut self) -> anyhow::Result<Dumped> {
        std::thread::sleep(Duration::from_millis(300));
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT)?;
        self.child.wait()?;
        let mut dumped = Dumped::default();
        let talk = std::fs::read_to_string(&self.talk)?;
        let line = talk
            .lines()
            .find(|line| line.ends_with("dropped by kernel"));
        let dropped = line.and_then(|line| line.split(' ').next()?.parse().ok());
        dumped.dropped = dropped.context("tcpdump does not say what it dropped")?;
        let mut reader = Command::new("tcpdump");
        reader.args(["-nn", "-S", "-t", "-r"]).arg(&self.file);
        for line in shell::read(&mut reader)?.lines() {
            let (outgoing, key) = segment(line).with_context(|| format!("tcpdump: {line}"))?;
            if outgoing {
                *dumped.sent.entry(key.clone()).or_default() += 1;
            }
            *dumped.seen.entry(key).or_default() += 1;
        }
        Ok(dumped)
    }
}

/// `DEVICE Out IP A > B: Flags [F.], seq 5:9, ack 3, …`: whether it left, and what it is.
fn segment(line: &str) -> Option<(bool, Key)> {
    let (place, rest) = line.split_once(" IP ")?;
    let (ends, rest) = rest.split_once(": Flags [")?;
    let (flags, rest) = rest.split_once(']')?;
    let (source, destination) = ends.split_once(" > ")?;
    let number = |name: &str| {
        let (_, rest) = rest.split_once(name)?;
        rest.split(',').next().map(str::to_owned)
    };
    let seq = number(" seq ")?;
    let (first, last) = match seq.split_once(':') {
        Some((first, last)) => (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?),
        None => (seq.parse().ok()?, seq.parse().ok()?),
    };
    let ack = number(" ack ").and_then(|ack| ack.parse().ok());
    let numbers = (first, last.wrapping_sub(first), ack.unwrap_or(0));
    let ends = (end(source)?, end(destination)?);
    // Of what passes lo, libpcap shows but the arrival.
    let sent = place.trim_end().ends_with("Out") || place.starts_with("lo ");
    Some((sent, Key::new(ends, flags, numbers)))
}

/// `10.0.0.1.80`.
fn end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.rsplit_once('.')?;
    Some(SocketAddr::new(address.parse().ok()?, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_tcpdumps_is_read() {
        let line =
            "eth0  Out IP 10.0.0.1.80 > 10.0.0.2.9: Flags [FP.], seq 5:9, ack 3, win 1, length 4";
        let ends = (
            "10.0.0.1:80".parse().unwrap(),
            "10.0.0.2:9".parse().unwrap(),
        );
        assert_eq!(segment(line), Some((true, Key::new(ends, "F.", (9, 0, 0)))));
        let line =
            "lo    In  IP 10.0.0.1.80 > 10.0.0.2.9: Flags [R.], seq 0, ack 3, win 0, length 0";
        assert_eq!(segment(line), Some((true, Key::new(ends, "R.", (0, 0, 3)))));
        let line = "wan0  In  IP 10.0.0.1.80 > 10.0.0.2.9: Flags [R], seq 7, win 0, length 0";
        assert_eq!(segment(line), Some((false, Key::new(ends, "R", (7, 0, 0)))));
    }
}
