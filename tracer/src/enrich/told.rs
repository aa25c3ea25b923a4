//! What the kernel tells as text or as messages, read from bytes at hand: one door to every parser here.
//!
//! Who traces goes through the readers. This is for those who feed parsers with bytes nobody would send.

use super::{conntrack, holders, ports, processes, procnet, sock_diag, stacks, stat::Stat, users};

/// What bytes are said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// `/proc/PID/stat`.
    Stat,
    /// `/proc/PID/status`.
    Status,
    /// `/proc/PID/cmdline`.
    Arguments,
    /// `/proc/PID/cgroup`.
    ControlGroup,
    /// `/proc/PID/maps`.
    Maps,
    /// `/proc/PID/net/tcp` or `tcp6`.
    Sockets,
    /// What a link in `/proc/PID/fd` leads to.
    Descriptor,
    /// A datagram of the socket diagnosis, the answer to request 1.
    Diagnosis,
    /// A datagram of the connection tracking, the answer to request 1.
    Tracking,
    /// `/proc/sys/net/ipv4/ip_local_port_range`.
    Ports,
    /// `/etc/passwd`.
    Users,
}

impl Told {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Stat,
        Self::Status,
        Self::Arguments,
        Self::ControlGroup,
        Self::Maps,
        Self::Sockets,
        Self::Descriptor,
        Self::Diagnosis,
        Self::Tracking,
        Self::Ports,
        Self::Users,
    ];

    /// Reads them; says how many things were found, zero where they are not what they are said to be.
    #[must_use]
    pub fn found(self, bytes: &[u8]) -> usize {
        match self {
            Self::Stat => Stat::new(bytes).map_or(0, |stat| {
                let numbers = [stat.parent().is_some(), stat.start_ticks().is_some()];
                let _read = (stat.comm(), stat.is_kernel_thread());
                1 + numbers.into_iter().filter(|&it| it).count()
            }),
            Self::Status => {
                processes::pids(bytes).map_or(0, |pids| pids.len())
                    + usize::from(holders::real_uid(bytes).is_some())
            }
            Self::Arguments => processes::arguments(bytes).map_or(0, |words| words.len()),
            Self::ControlGroup => processes::control_group(bytes).map_or(0, |(_, of)| {
                1 + usize::from(of.container.is_some()) + usize::from(of.pod.is_some())
            }),
            Self::Maps => stacks::mappings(bytes),
            Self::Sockets => text(bytes).map_or(0, |it| procnet::parse(it, None).len()),
            Self::Descriptor => usize::from(holders::inode(bytes).is_some()),
            Self::Diagnosis => sock_diag::told(bytes),
            Self::Tracking => usize::from(conntrack::told(bytes)),
            Self::Ports => text(bytes).and_then(ports::range).map_or(0, |it| it.len()),
            Self::Users => {
                text(bytes).map_or(0, |it| usize::from(users::named(it, "root").is_some()))
            }
        }
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok()
}
