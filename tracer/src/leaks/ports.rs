//! Ports that stand-ins in `TIME_WAIT` keep: owed by whoever closed first.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
};

use crate::model::{known::KnownSocket, state::TcpState};

/// What `TIME_WAIT` and the ports of connections come to in one network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// Connections in `TIME_WAIT`.
    pub time_wait: u64,
    /// Of these, connections to a port somebody listens on here: this end is the server, and closed
    /// first. By port, the most first.
    pub of_services: Vec<(u16, u64)>,
    /// The destination to which most local ports of the ephemeral range are taken.
    pub nearest: Option<Nearest>,
}

/// A destination, and the local ports one address of this host has left for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// The address of this host.
    pub local: IpAddr,
    /// Where to.
    pub remote: SocketAddr,
    /// Ports of the range that have a connection there, or one that ended.
    pub taken: u64,
    /// Of these, those in `TIME_WAIT`.
    pub time_wait: u64,
    /// How many ports the range has.
    pub range: u64,
}

/// Counts the sockets of a namespace whose ephemeral ports are these.
#[must_use]
pub fn ports(sockets: &[KnownSocket], range: &RangeInclusive<u16>) -> Ports {
    let listened: HashSet<u16> = sockets
        .iter()
        .filter(|it| it.state == TcpState::Listen)
        .map(|it| it.flow.local.port())
        .collect();
    let mut of_services = BTreeMap::<_, u64>::new();
    let mut destinations = HashMap::<_, (u64, u64)>::new();
    let mut time_wait = 0;
    for socket in sockets {
        let (local, remote) = (socket.flow.local, socket.flow.remote);
        let waits = u64::from(socket.state == TcpState::TimeWait);
        time_wait += waits;
        let is_of_service = listened.contains(&local.port());
        if is_of_service {
            *of_services.entry(local.port()).or_default() += waits;
        } else if range.contains(&local.port()) {
            let (taken, waiting) = destinations.entry((local.ip(), remote)).or_default();
            *taken += 1;
            *waiting += waits;
        }
    }
    let mut of_services: Vec<_> = of_services.into_iter().filter(|(_, it)| *it > 0).collect();
    of_services.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let most = destinations
        .into_iter()
        .max_by_key(|&(key, (taken, _))| (taken, key));
    Ports {
        time_wait,
        of_services,
        nearest: most.map(|((local, remote), (taken, time_wait))| Nearest {
            local,
            remote,
            taken,
            time_wait,
            range: u64::from(range.end().saturating_sub(*range.start())) + 1,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::known;

    #[test]
    fn stand_ins_are_of_the_service_or_take_a_port_of_the_range() {
        let time_wait = TcpState::TimeWait;
        let sockets = [
            known(TcpState::Listen, ("0.0.0.0:80", "0.0.0.0:0")),
            known(time_wait, ("10.0.0.1:80", "10.0.0.2:50000")),
            known(TcpState::Established, ("10.0.0.1:80", "10.0.0.2:50001")),
            known(time_wait, ("10.0.0.1:40000", "10.0.0.3:5432")),
            known(TcpState::Established, ("10.0.0.1:40001", "10.0.0.3:5432")),
            known(TcpState::Established, ("10.0.0.1:40000", "10.0.0.4:5432")),
            // Bound to a port of its own: it takes none of the range.
            known(TcpState::Established, ("10.0.0.1:1000", "10.0.0.3:5432")),
        ];
        let told = ports(&sockets, &(32_768..=60_999));
        assert_eq!(told.time_wait, 2);
        assert_eq!(told.of_services, [(80, 1)]);
        let nearest = told.nearest.unwrap();
        assert_eq!(nearest.remote, "10.0.0.3:5432".parse().unwrap());
        assert_eq!((nearest.taken, nearest.time_wait), (2, 1));
        assert_eq!(nearest.range, 28_232);
    }

    #[test]
    fn a_machine_without_connections_is_near_nothing() {
        assert_eq!(ports(&[], &(1..=2)), Ports::default());
    }
}
