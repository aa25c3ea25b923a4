//! Ports that stand-ins in `TIME_WAIT` keep: owed by whoever closed first.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
};

use super::Traced;
use crate::model::{
    holder::only_process,
    known::KnownSocket,
    process::{Comm, Confidence},
    state::TcpState,
};

/// What `TIME_WAIT` and the ports of connections come to in one network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// Connections in `TIME_WAIT`.
    pub time_wait: u64,
    /// Of these, connections to a port somebody listens on here: this end is the server, and closed
    /// first. By port, the most first.
    pub of_services: Vec<(u16, u64)>,
    /// Of these, connections from a port of the ephemeral range that nobody listens on.
    pub ephemeral: u64,
    /// Whose they are: of who closed first. The most first.
    pub owed: Vec<Owed>,
    /// The destination to which most local ports of the ephemeral range are taken.
    pub nearest: Option<Nearest>,
}

/// Connections in `TIME_WAIT` that a process made by closing first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Who; `None` where nobody knows.
    pub process: Option<(u32, Comm)>,
    /// `Exact` where hooks saw the close, `Likely` for the only process that listens on the port
    /// now, `Unknown` without a process.
    pub confidence: Confidence,
    /// How many.
    pub sockets: u64,
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

/// A process by which stand-ins are counted, and whether it is proved.
type Maker = (Option<(u32, [u8; 16])>, Confidence);

/// Counts the sockets of a namespace whose ephemeral ports are these; `traced` knows who closed.
#[must_use]
pub fn ports<'a>(
    sockets: impl Iterator<Item = &'a KnownSocket> + Clone,
    range: &RangeInclusive<u16>,
    traced: Option<&Traced>,
) -> Ports {
    let listeners = sockets.clone().filter(|it| it.state == TcpState::Listen);
    let mut services = HashMap::<u16, Vec<_>>::new();
    for listener in listeners {
        let holders = services.entry(listener.flow.local.port()).or_default();
        holders.extend_from_slice(&listener.holders);
    }
    let mut told = Ports::default();
    let mut of_services = BTreeMap::<_, u64>::new();
    let mut owed = HashMap::<Maker, u64>::new();
    let mut destinations = HashMap::<_, (u64, u64)>::new();
    for socket in sockets {
        let (local, remote) = (socket.flow.local, socket.flow.remote);
        let waits = u64::from(socket.state == TcpState::TimeWait);
        let listener = services.get(&local.port());
        told.time_wait += waits;
        if waits > 0 {
            let closer = traced.and_then(|traced| traced.closer(&socket.flow));
            let closer = closer.map(|it| (it.pid, it.process_comm.0));
            let likely = listener.and_then(|it| only_process(it));
            let likely = likely.map(|it| (it.pid, it.comm.0));
            let maker = match (closer, likely) {
                (Some(_), _) => (closer, Confidence::Exact),
                (None, Some(_)) => (likely, Confidence::Likely),
                (None, None) => (None, Confidence::Unknown),
            };
            *owed.entry(maker).or_default() += 1;
        }
        if listener.is_some() {
            *of_services.entry(local.port()).or_default() += waits;
        } else if range.contains(&local.port()) {
            told.ephemeral += waits;
            let (taken, waiting) = destinations.entry((local.ip(), remote)).or_default();
            *taken += 1;
            *waiting += waits;
        }
    }
    told.of_services = of_services.into_iter().filter(|(_, it)| *it > 0).collect();
    told.of_services
        .sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    told.owed = most_first(owed);
    let most = destinations
        .into_iter()
        .max_by_key(|&(key, (taken, _))| (taken, key));
    told.nearest = most.map(|((local, remote), (taken, time_wait))| Nearest {
        local,
        remote,
        taken,
        time_wait,
        range: u64::from(range.end().saturating_sub(*range.start())) + 1,
    });
    told
}

fn most_first(owed: HashMap<Maker, u64>) -> Vec<Owed> {
    let mut owed: Vec<_> = owed.into_iter().collect();
    owed.sort_by_key(|&(maker, sockets)| (std::cmp::Reverse(sockets), maker));
    let owed = owed.into_iter();
    owed.map(|((process, confidence), sockets)| Owed {
        process: process.map(|(pid, comm)| (pid, Comm(comm))),
        confidence,
        sockets,
    })
    .collect()
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
        let told = ports(sockets.iter(), &(32_768..=60_999), None);
        assert_eq!(told.time_wait, 2);
        assert_eq!(told.of_services, [(80, 1)]);
        let nearest = told.nearest.unwrap();
        assert_eq!(nearest.remote, "10.0.0.3:5432".parse().unwrap());
        assert_eq!((nearest.taken, nearest.time_wait), (2, 1));
        assert_eq!(nearest.range, 28_232);
    }

    #[test]
    fn a_machine_without_connections_is_near_nothing() {
        assert_eq!(ports([].iter(), &(1..=2), None), Ports::default());
    }
}
