//! The filters as the kernel half takes them.

use std::net::IpAddr;

use aya::{
    Ebpf,
    maps::{HashMap, LpmTrie, MapError, lpm_trie::Key},
};
use ipnet::IpNet;
use tracer_common::settings::{FilterKey, NETWORKS, Network, filter};
use zerocopy::transmute;

/// What to trace; an empty list means "any".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// Process ids, as the initial pid namespace numbers them.
    pub pids: Vec<u32>,
    /// Whether children of wanted processes are wanted.
    pub follow: bool,
    /// Names of threads or processes, NUL-padded.
    pub comms: Vec<[u8; 16]>,
    /// Users sockets belong to.
    pub uids: Vec<u32>,
    /// Inode numbers of network namespaces.
    pub netns: Vec<u32>,
    /// Local ports.
    pub local_ports: Vec<u16>,
    /// Remote ports.
    pub remote_ports: Vec<u16>,
    /// Networks either address may lie in.
    pub nets: Vec<IpNet>,
    /// Only IPv4.
    pub ipv4: bool,
    /// Only IPv6.
    pub ipv6: bool,
}

/// The filter maps could not be filled.
#[derive(Debug, thiserror::Error)]
#[error("cannot put {what} into the kernel's filter")]
pub struct FilterError {
    what: String,
    #[source]
    source: MapError,
}

impl Filters {
    /// Bits of `tracer_common::settings::filter` for what is set.
    #[must_use]
    pub fn bits(&self) -> u32 {
        [
            (filter::PID, !self.pids.is_empty()),
            (filter::FOLLOW, self.follow && !self.pids.is_empty()),
            (filter::COMM, !self.comms.is_empty()),
            (filter::UID, !self.uids.is_empty()),
            (filter::NETNS, !self.netns.is_empty()),
            (filter::LOCAL_PORT, !self.local_ports.is_empty()),
            (filter::REMOTE_PORT, !self.remote_ports.is_empty()),
            (filter::NET, !self.nets.is_empty()),
            (filter::IPV4, self.ipv4),
            (filter::IPV6, self.ipv6),
        ]
        .into_iter()
        .filter(|&(_, set)| set)
        .fold(0, |bits, (bit, _)| bits | bit)
    }

    /// How many networks the settings hold, and which; none of more than fit, which the map has then.
    /// Unused places hold the last one again.
    #[must_use]
    pub fn networks(&self) -> (u32, [Network; NETWORKS]) {
        let mut places = [Network::default(); NETWORKS];
        if self.nets.len() > NETWORKS {
            return (0, places);
        }
        let wanted = self.nets.iter().map(halved);
        let last = self.nets.last().map(halved).unwrap_or_default();
        for (place, network) in places.iter_mut().zip(wanted.chain(std::iter::repeat(last))) {
            *place = network;
        }
        (u32::try_from(self.nets.len()).unwrap_or(0), places)
    }

    /// Fills the filter maps; nothing may be attached before.
    ///
    /// # Errors
    ///
    /// [`FilterError`] names the value the kernel refused, mostly because there are too many.
    pub fn write(&self, object: &mut Ebpf) -> Result<(), FilterError> {
        let ports = |ports: &[u16]| ports.iter().copied().map(u32::from).collect::<Vec<_>>();
        for (filter, values) in [
            (filter::PID, self.pids.clone()),
            (filter::UID, self.uids.clone()),
            (filter::NETNS, self.netns.clone()),
            (filter::LOCAL_PORT, ports(&self.local_ports)),
            (filter::REMOTE_PORT, ports(&self.remote_ports)),
        ] {
            for value in values {
                self::value(object, filter, value).map_err(|source| FilterError {
                    what: format!("the value {value}"),
                    source,
                })?;
            }
        }
        for comm in &self.comms {
            name(object, *comm).map_err(|source| FilterError {
                what: "a process name".into(),
                source,
            })?;
        }
        let (in_settings, _) = self.networks();
        for net in self.nets.iter().filter(|_| in_settings == 0) {
            network(object, net).map_err(|source| FilterError {
                what: format!("the network {net}"),
                source,
            })?;
        }
        Ok(())
    }
}

fn value(object: &mut Ebpf, filter: u32, value: u32) -> Result<(), MapError> {
    let key: [u8; 8] = transmute!(FilterKey { filter, value });
    HashMap::<_, [u8; 8], u8>::try_from(map(object, "FILTER")?)?.insert(key, 1_u8, 0)
}

fn name(object: &mut Ebpf, comm: [u8; 16]) -> Result<(), MapError> {
    HashMap::<_, [u8; 16], u8>::try_from(map(object, "FILTER_COMM")?)?.insert(comm, 1_u8, 0)
}

/// A network as the settings hold it.
fn halved(net: &IpNet) -> Network {
    let (octets, prefix) = mapped(net);
    let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
    Network {
        mask: transmute!(mask.to_be_bytes()),
        prefix: transmute!(octets),
    }
}

/// A network's first address, version 4 mapped to version 6, and how many bits of it count.
fn mapped(net: &IpNet) -> ([u8; 16], u32) {
    let prefix = u32::from(net.prefix_len());
    match net.network() {
        IpAddr::V4(v4) => (v4.to_ipv6_mapped().octets(), prefix + 96),
        IpAddr::V6(v6) => (v6.octets(), prefix),
    }
}

fn network(object: &mut Ebpf, net: &IpNet) -> Result<(), MapError> {
    let (octets, prefix) = mapped(net);
    LpmTrie::<_, [u8; 16], u8>::try_from(map(object, "FILTER_NET")?)?.insert(
        &Key::new(prefix, octets),
        1_u8,
        0,
    )
}

fn map<'a>(object: &'a mut Ebpf, name: &str) -> Result<&'a mut aya::maps::Map, MapError> {
    object
        .map_mut(name)
        .ok_or_else(|| MapError::InvalidName { name: name.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_means_no_filter_bits() {
        assert_eq!(Filters::default().bits(), 0);
    }

    fn of(nets: &[&str]) -> Filters {
        Filters {
            nets: nets.iter().map(|net| net.parse().unwrap()).collect(),
            ..Filters::default()
        }
    }

    fn has(filters: &Filters, address: &str) -> bool {
        let octets = match address.parse().unwrap() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        let halves: [u64; 2] = transmute!(octets);
        let (_, networks) = filters.networks();
        networks.iter().any(|network| {
            let bits = halves.iter().zip(network.mask).zip(network.prefix);
            bits.fold(true, |has, ((half, mask), prefix)| {
                has && half & mask == prefix
            })
        })
    }

    #[test]
    fn an_address_is_in_a_network_if_its_first_bits_are() {
        for (net, inside, outside) in [
            ("203.0.113.0/24", "203.0.113.255", "203.0.114.0"),
            ("10.0.0.0/7", "11.255.255.255", "12.0.0.0"),
            ("127.0.0.1/32", "127.0.0.1", "127.0.0.2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            (
                "2001:db8::/65",
                "2001:db8::7fff:0:0:1",
                "2001:db8::8000:0:0:1",
            ),
            ("::1/128", "::1", "::2"),
        ] {
            assert!(has(&of(&[net]), inside), "{net} has {inside}");
            assert!(!has(&of(&[net]), outside), "{net} has no {outside}");
        }
        assert!(has(&of(&["::/0"]), "10.1.2.3"));
    }

    #[test]
    fn places_without_a_network_add_none() {
        let two = of(&["10.0.0.0/8", "::1/128"]);
        assert_eq!(two.networks().0, 2);
        assert!(has(&two, "10.0.0.1") && has(&two, "::1"));
        assert!(!has(&two, "0.0.0.0") && !has(&two, "::"));
    }

    #[test]
    fn more_networks_than_fit_are_not_in_the_settings() {
        let nets = ["1.0.0.0/8", "2.0.0.0/8", "3.0.0.0/8", "4.0.0.0/8"];
        assert_eq!(of(&nets).networks().0, 4);
        let more = of(&[&nets[..], &["5.0.0.0/8"]].concat());
        assert_eq!(more.networks().0, 0);
    }

    #[test]
    fn follow_means_nothing_without_a_pid() {
        assert_eq!(
            Filters {
                follow: true,
                ..Filters::default()
            }
            .bits(),
            0
        );
        let with = Filters {
            follow: true,
            pids: vec![1],
            ..Filters::default()
        };
        assert_eq!(with.bits(), filter::PID | filter::FOLLOW);
    }
}
