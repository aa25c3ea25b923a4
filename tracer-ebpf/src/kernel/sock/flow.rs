//! What a socket connects: addresses, ports, and the network namespace they are in.

use tracer_common::flow::Flow;
use zerocopy::transmute;

use super::AF_INET6;
use crate::kernel::Structure;

/// Inode number of the network namespace, zero when it cannot be read.
#[inline(always)]
pub(crate) fn netns(sk: impl Structure) -> u32 {
    sk.follow(|offsets| &offsets.skc_net)
        .map_or(0, |net| net.field(|offsets| &offsets.net_inum))
}

/// Both addresses, the local one first; a version 4 address as the version 6 address it maps to.
#[inline(always)]
pub(crate) fn addresses(sk: impl Structure) -> [Halves; 2] {
    let family: u16 = sk.field(|offsets| &offsets.skc_family);
    if family == AF_INET6 {
        return [
            sk.halves(|offsets| &offsets.skc_v6_rcv_saddr),
            sk.halves(|offsets| &offsets.skc_v6_daddr),
        ];
    }
    [
        v4_mapped(sk.field(|offsets| &offsets.skc_rcv_saddr)),
        v4_mapped(sk.field(|offsets| &offsets.skc_daddr)),
    ]
}

/// The local port, host byte order; zero while unbound.
#[inline(always)]
pub(crate) fn local_port(sk: impl Structure) -> u16 {
    // skc_num is zero by the time a reset leaves; inet_sport stays.
    let sport = u16::from_be(sk.field(|offsets| &offsets.inet_sport));
    if sport == 0 {
        sk.field(|offsets| &offsets.skc_num)
    } else {
        sport
    }
}

/// The remote port, host byte order; zero while not connected.
#[inline(always)]
pub(crate) fn remote_port(sk: impl Structure) -> u16 {
    u16::from_be(sk.field(|offsets| &offsets.skc_dport))
}

/// Fills all of a flow.
#[inline(always)]
pub(crate) fn flow(sk: impl Structure, flow: &mut Flow) {
    let [local, remote] = addresses(sk);
    (flow.local, flow.remote) = (transmute!(local), transmute!(remote));
    flow.local_port = local_port(sk);
    flow.remote_port = remote_port(sk);
    flow.netns = netns(sk);
}

/// An address in two halves, in the order of memory: what a register holds, and moves at once.
pub(crate) type Halves = [u64; 2];

/// `::ffff:a.b.c.d`, of the four bytes as they lie in memory.
#[inline(always)]
pub(crate) fn v4_mapped(address: u32) -> Halves {
    let mapped = u64::from(u32::from_ne_bytes([0, 0, 0xff, 0xff]));
    // The target is little endian: what comes first in memory is the lower half.
    [0, mapped | u64::from(address) << 32]
}
