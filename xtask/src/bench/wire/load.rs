//! Packets by the thousand, all on the account of one thread.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
};

use crate::bench;

/// Both ends of a connection over loopback.
pub(super) struct PingPong {
    here: TcpStream,
    there: TcpStream,
}

/// What a batch took.
pub(super) struct Batch {
    /// Nanoseconds the thread ran, interrupts it served included.
    pub(super) ns: u64,
    /// Packets that went over the device.
    pub(super) packets: u64,
}

impl PingPong {
    /// A connection of this thread with itself, which stays on one processor.
    ///
    /// # Errors
    /// There is no loopback device.
    pub(super) fn new() -> anyhow::Result<Self> {
        bench::stay()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let here = TcpStream::connect(listener.local_addr()?)?;
        let (there, _) = listener.accept()?;
        here.set_nodelay(true)?;
        there.set_nodelay(true)?;
        Ok(Self { here, there })
    }

    /// Sends a byte there and one back, so many times.
    ///
    /// # Errors
    /// The connection broke, or the device does not count.
    pub(super) fn batch(&mut self, round_trips: u32) -> anyhow::Result<Batch> {
        let Self { here, there } = self;
        let (packets, ns) = (sent()?, bench::thread_ns()?);
        let mut byte = [0];
        for _ in 0..round_trips {
            here.write_all(&byte)?;
            there.read_exact(&mut byte)?;
            there.write_all(&byte)?;
            here.read_exact(&mut byte)?;
        }
        let ns = bench::thread_ns()? - ns;
        Ok(Batch {
            ns,
            packets: sent()? - packets,
        })
    }
}

/// Packets the loopback device of this namespace has sent.
fn sent() -> anyhow::Result<u64> {
    let devices = std::fs::read_to_string("/proc/thread-self/net/dev")?;
    let line = devices
        .lines()
        .find_map(|line| line.trim().strip_prefix("lo:"));
    let count = line.and_then(|line| line.split_whitespace().nth(9));
    anyhow::Context::context(count, "no loopback device")?
        .parse()
        .map_err(Into::into)
}
