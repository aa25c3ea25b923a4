//! A TCP flow as the traced host sees it.

use std::net::SocketAddr;

/// Both ends of a flow and the network namespace it lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Our end; a v4-mapped address is shown as the IPv4 address it stands for.
    pub local: SocketAddr,
    /// The far end, likewise; port zero when the socket was never connected.
    pub remote: SocketAddr,
    /// Inode number of the network namespace; `None` when the kernel did not let us read it.
    pub netns: Option<u32>,
}

impl Flow {
    /// The same flow seen from the other end.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self {
            local: self.remote,
            remote: self.local,
            netns: self.netns,
        }
    }
}
