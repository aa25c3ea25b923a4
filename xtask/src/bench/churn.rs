//! Connections by the thousand, all on the account of one thread.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use socket2::SockRef;

use super::{stay, thread_ns};

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// The client closes, the server answers in order.
    Fin,
    /// The client resets.
    Reset,
}

/// A listener the thread connects to.
pub(super) struct Churn {
    listener: TcpListener,
    address: SocketAddr,
}

impl Churn {
    /// Listens, and stays on one processor.
    ///
    /// # Errors
    /// There is no loopback device.
    pub(super) fn new() -> anyhow::Result<Self> {
        stay()?;
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Makes and ends so many connections; the nanoseconds the thread ran for it, interrupts it served
    /// included.
    ///
    /// # Errors
    /// A connection could not be made.
    pub(super) fn connections(&self, count: u64, manner: Manner) -> anyhow::Result<u64> {
        let before = thread_ns()?;
        // Another address each time, so that ports in TIME_WAIT never run out.
        let hosts = (1..=u8::MAX).cycle();
        for (_, host) in (0..count).zip(hosts) {
            let address = Ipv4Addr::new(127, 0, 1, host);
            let here = TcpStream::connect((address, self.address.port()))?;
            let (there, _) = self.listener.accept()?;
            if manner == Manner::Reset {
                SockRef::from(&here).set_linger(Some(std::time::Duration::ZERO))?;
            }
            drop(here);
            drop(there);
        }
        Ok(thread_ns()? - before)
    }
}
