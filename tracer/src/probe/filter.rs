//! The filters as the kernel half takes them.

use std::net::IpAddr;

use aya::{
    Ebpf,
    maps::{HashMap, LpmTrie, MapError, lpm_trie::Key},
};
use ipnet::IpNet;
use tracer_common::settings::{FilterKey, filter};
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
        for net in &self.nets {
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

fn network(object: &mut Ebpf, net: &IpNet) -> Result<(), MapError> {
    let prefix = u32::from(net.prefix_len());
    let (octets, prefix) = match net.network() {
        IpAddr::V4(v4) => (v4.to_ipv6_mapped().octets(), prefix + 96),
        IpAddr::V6(v6) => (v6.octets(), prefix),
    };
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
