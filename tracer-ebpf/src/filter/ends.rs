//! What a filter asks of the ends of a connection. Of a socket, only what some filter asks is read.

use aya_ebpf::btf_maps::lpm_trie::Key;
use tracer_common::{
    flow::Flow,
    settings::{NETWORKS, filter},
};
use zerocopy::transmute;

use super::{listed, value};
use crate::{
    kernel::{
        Structure,
        sock::{self, Halves},
    },
    maps::FILTER_NET,
    settings::{filters, in_network, setting},
};

/// `::ffff:0:0/96`, the addresses that stand for IPv4: the second half without the address, as a
/// little-endian machine reads it. The first half is zero.
const V4_MAPPED: u64 = 0xffff_0000;
const V4_MASK: u64 = 0xffff_ffff;

/// Something with two ends.
pub(crate) trait Ends: Copy {
    /// Local port, host byte order.
    fn local_port(self) -> u16;
    /// Remote port, host byte order.
    fn remote_port(self) -> u16;
    /// Inode number of the network namespace.
    fn netns(self) -> u32;
    /// Both addresses, the local one first.
    fn addresses(self) -> [Halves; 2];
}

impl Ends for &Flow {
    #[inline(always)]
    fn local_port(self) -> u16 {
        self.local_port
    }

    #[inline(always)]
    fn remote_port(self) -> u16 {
        self.remote_port
    }

    #[inline(always)]
    fn netns(self) -> u32 {
        self.netns
    }

    #[inline(always)]
    fn addresses(self) -> [Halves; 2] {
        [transmute!(self.local), transmute!(self.remote)]
    }
}

/// A full socket's ends, each read when it is asked for.
#[derive(Clone, Copy)]
pub(super) struct Of<Sk>(pub(super) Sk);

impl<Sk: Structure> Ends for Of<Sk> {
    #[inline(always)]
    fn local_port(self) -> u16 {
        sock::local_port(self.0)
    }

    #[inline(always)]
    fn remote_port(self) -> u16 {
        sock::remote_port(self.0)
    }

    #[inline(always)]
    fn netns(self) -> u32 {
        sock::netns(self.0)
    }

    #[inline(always)]
    fn addresses(self) -> [Halves; 2] {
        sock::addresses(self.0)
    }
}

/// Whether ends are wanted: what costs least is asked first.
#[inline(always)]
pub(super) fn wanted(of: impl Ends) -> bool {
    (!filters(filter::LOCAL_PORT) || listed(filter::LOCAL_PORT, of.local_port().into()))
        && (!filters(filter::REMOTE_PORT) || listed(filter::REMOTE_PORT, of.remote_port().into()))
        && placed(of)
}

/// Whether a segment's ends are wanted: either of them may be the local one.
#[inline(always)]
pub(super) fn wanted_either_way(of: &Flow) -> bool {
    let ports = |local: u16, remote: u16| {
        value(filter::LOCAL_PORT, local.into()) && value(filter::REMOTE_PORT, remote.into())
    };
    (ports(of.local_port, of.remote_port) || ports(of.remote_port, of.local_port)) && placed(of)
}

/// Whether addresses and network namespace are wanted.
#[inline(always)]
fn placed(of: impl Ends) -> bool {
    const ADDRESSES: u32 = filter::NET | filter::IPV4 | filter::IPV6;
    if filters(ADDRESSES) {
        let [local, remote] = of.addresses();
        let either = || network(remote) || network(local);
        if !family(local) || (filters(filter::NET) && !either()) {
            return false;
        }
    }
    !filters(filter::NETNS) || listed(filter::NETNS, of.netns())
}

#[inline(always)]
fn family([first, last]: Halves) -> bool {
    if !filters(filter::IPV4 | filter::IPV6) {
        return true;
    }
    let v4 = first == 0 && last & V4_MASK == V4_MAPPED;
    filters(if v4 { filter::IPV4 } else { filter::IPV6 })
}

/// Whether an address is in a wanted network.
#[inline(always)]
fn network(address: Halves) -> bool {
    match setting(|settings| &settings.networks) {
        0 => FILTER_NET
            .get(&Key::new(128, transmute!(address)))
            .is_some(),
        1 => in_one_of::<1>(address),
        _ => in_one_of::<NETWORKS>(address),
    }
}

/// Whether an address is in one of the first `N` networks. Those beyond the wanted ones are the last
/// of them again, so that no path begins here.
#[inline(always)]
fn in_one_of<const N: usize>(address: Halves) -> bool {
    let mut found = false;
    let mut at = 0;
    while at < N {
        found |= in_network(at, address);
        at += 1;
    }
    found
}
