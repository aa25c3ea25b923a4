//! Connections of this process with itself, so that a filter by its pid sees them and no others.

use std::{
    io::Read as _,
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use anyhow::ensure;

use crate::lab::clock::Deadline;

/// Loopback addresses the connections go to in turn, so that ports in `TIME_WAIT` never run out.
const ADDRESSES: u8 = 64;

/// Connections between two pauses of [`PAUSE`]: so many that what is kept fills, and not so many that
/// the kernel runs out of room for those in `TIME_WAIT` (`tcp_max_tw_buckets`), after which it resets
/// the next, or that records are lost.
const BATCH: u32 = 20;

/// See [`BATCH`].
const PAUSE: Duration = Duration::from_millis(15);

/// A server and its only client.
pub(super) struct Traffic {
    listener: TcpListener,
    next: u8,
}

/// Both ends of a connection.
pub(super) struct Connection {
    client: TcpStream,
    server: TcpStream,
}

impl Traffic {
    pub(super) fn new() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        Ok(Self { listener, next: 0 })
    }

    /// Makes a connection.
    pub(super) fn connection(&mut self) -> anyhow::Result<Connection> {
        self.next = self.next % ADDRESSES + 1;
        let address = Ipv4Addr::new(127, 0, 0, self.next);
        let client = TcpStream::connect((address, self.listener.local_addr()?.port()))?;
        let (server, _) = self.listener.accept()?;
        Ok(Connection { client, server })
    }

    /// Makes connections for so long, and ends each in order.
    pub(super) fn steady(&mut self, time: Duration) -> anyhow::Result<()> {
        let deadline = Deadline::after(time);
        while !deadline.left().is_zero() {
            self.graceful(BATCH)?;
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Makes connections and ends each in order.
    pub(super) fn graceful(&mut self, connections: u32) -> anyhow::Result<()> {
        for _ in 0..connections {
            let Connection { client, mut server } = self.connection()?;
            drop(client);
            ensure!(server.read(&mut [0])? == 0, "the client said something");
        }
        Ok(())
    }
}

impl Connection {
    /// Ends it by an RST of the client; gives the client's port.
    pub(super) fn reset(self) -> anyhow::Result<u16> {
        let port = self.client.local_addr()?.port();
        socket2::SockRef::from(&self.client).set_linger(Some(Duration::ZERO))?;
        drop(self);
        Ok(port)
    }
}
