//! A TCP flow as the traced host sees it.

use std::{
    hash::{Hash, Hasher},
    net::{IpAddr, SocketAddr},
};

/// Both ends of a flow and the network namespace it lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Few and long writes: tables are asked for a flow several times an event.
impl Hash for Flow {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let ports = u64::from(self.local.port()) << 16 | u64::from(self.remote.port());
        let netns = u64::from(self.netns.unwrap_or(0));
        match (self.local.ip(), self.remote.ip()) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => {
                hasher.write_u64(u64::from(local.to_bits()) << 32 | u64::from(remote.to_bits()));
            }
            (local, remote) => {
                hasher.write_u128(bits(local));
                hasher.write_u128(bits(remote));
            }
        }
        hasher.write_u64(netns << 32 | ports);
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}
