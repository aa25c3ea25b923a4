//! The four-tuple of a TCP flow and the network namespace it lives in.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::layout::assert_layout;

/// Local and remote endpoint of one TCP flow, as seen by the traced host.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Flow {
    /// Local address, network byte order; IPv4 is v4-mapped (`::ffff:a.b.c.d`).
    pub local: [u8; 16],
    /// Remote address, network byte order; IPv4 is v4-mapped.
    pub remote: [u8; 16],
    /// Local port, host byte order (`inet_sport`, which outlives `skc_num`); zero when unbound.
    pub local_port: u16,
    /// Remote port, host byte order (`skc_dport`); zero when never connected.
    pub remote_port: u16,
    /// Inode number of the network namespace (`net.ns.inum`); zero when it could not be read.
    pub netns: u32,
}

assert_layout!(Flow, size = 40, { local: 0, remote: 16, local_port: 32, remote_port: 34, netns: 36 });
