//! A world in which things happen to connections, one after the other.

use std::net::SocketAddr;

use crate::correlate::{Correlator, Limits};
use crate::model::{
    clock::Timed,
    ending::Ending,
    flow::Flow,
    observation::{HeldBack, Observation, SegmentFlags, What},
    process::Actor,
    reason::ReasonNames,
    segment::{Device, Direction, Headers, Seen},
    socket::{Condition, Socket, SocketId},
    state::TcpState,
    stray::{Tuple, Why},
    time::MonoNs,
    wire::WireSegment,
};

pub(super) const FIN: u8 = SegmentFlags::FIN | SegmentFlags::ACK;
pub(super) const RST: u8 = SegmentFlags::RST;
pub(super) const SYN: u8 = SegmentFlags::SYN;
pub(super) const SYN_ACK: u8 = SegmentFlags::SYN | SegmentFlags::ACK;
/// Time enough for anything to be told, and for what waits to be given up.
pub(super) const LATER: u64 = 60_000_000_000;
pub(super) const MS: u64 = 1_000_000;

pub(super) const CLIENT: &str = "10.0.0.2:4000";
pub(super) const SERVER: &str = "10.0.1.3:80";
/// The client as the server knows it, and the server as the client does.
pub(super) const OUTSIDE: &str = "10.0.1.1:50000";
pub(super) const VIRTUAL: &str = "10.0.0.1:8080";

/// Namespaces: the client's, the router's, the server's.
pub(super) const NETNS: [u32; 3] = [1, 2, 3];

pub(super) fn end(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn tuple(source: &str, destination: &str) -> Tuple {
    (end(source), end(destination))
}

pub(super) fn flow(local: &str, remote: &str, netns: u32) -> Flow {
    Flow {
        local: end(local),
        remote: end(remote),
        netns: Some(netns),
    }
}

/// A world in which things happen, one after the other.
pub(super) struct World {
    pub(super) correlator: Correlator,
    pub(super) now: MonoNs,
    /// How far the times of segments may be off.
    pub(super) error_ns: u64,
}

impl World {
    pub(super) fn new() -> Self {
        let limits = Limits {
            answer_ns: 200 * MS,
            every_reset: true,
            grace_ns: 200 * MS,
            ..Limits::default()
        };
        Self {
            correlator: Correlator::new(limits, ReasonNames::default()),
            now: MonoNs(1_000 * MS),
            error_ns: 0,
        }
    }

    pub(super) fn observe(&mut self, what: What) {
        self.now = self.now.after(1_000);
        self.correlator.observe(&Observation {
            at: self.now,
            cpu: 0,
            seq: 0,
            actor: Actor::Softirq,
            what,
        });
    }

    pub(super) fn goes(
        &mut self,
        flow: Flow,
        address: u64,
        from: TcpState,
        to: TcpState,
        seq: Option<u32>,
    ) {
        self.observe(What::StateChanged {
            socket: Socket {
                id: SocketId {
                    address,
                    cookie: None,
                },
                flow,
                uid: None,
                state: Some(from),
            },
            condition: Condition {
                write_seq: seq,
                fin_received: Some(to == TcpState::Close),
                ..Condition::default()
            },
            held_back: HeldBack::default(),
            from,
            to,
        });
    }

    /// A socket connects, is closed by us first, and is gone.
    pub(super) fn connects(&mut self, flow: Flow, address: u64) {
        self.goes(flow, address, TcpState::Close, TcpState::SynSent, None);
        self.goes(
            flow,
            address,
            TcpState::SynSent,
            TcpState::Established,
            None,
        );
    }

    pub(super) fn closes(&mut self, flow: Flow, address: u64, seq: u32) {
        self.goes(
            flow,
            address,
            TcpState::Established,
            TcpState::FinWait1,
            Some(seq),
        );
    }

    pub(super) fn is_gone(&mut self, flow: Flow, address: u64, from: TcpState) {
        self.goes(flow, address, from, TcpState::Close, None);
        self.observe(What::Destroyed {
            socket: Socket {
                id: SocketId {
                    address,
                    cookie: None,
                },
                flow,
                uid: None,
                state: Some(TcpState::Close),
            },
            condition: Condition::default(),
            held_back: HeldBack::default(),
        });
    }

    /// A segment is seen in a namespace.
    pub(super) fn sees(
        &mut self,
        (netns, device, out): (u32, u32, bool),
        tuple: Tuple,
        (flags, seq, bytes): (u8, u32, u32),
    ) {
        self.now = self.now.after(1_000);
        let seen = Seen {
            at: None,
            device: Device::Index(device),
            direction: if out {
                Direction::Transmitted
            } else {
                Direction::Received
            },
            vlan: None,
            headers: Headers {
                source: tuple.0,
                destination: tuple.1,
                seq,
                ack: 7,
                flags: SegmentFlags(flags),
                payload_bytes: bytes,
                window: 0,
                timestamps: None,
            },
        };
        let time = Timed {
            at: self.now,
            error_ns: Some(self.error_ns),
        };
        self.correlator.sight(time, Some(netns), &seen);
    }

    /// Everything there is to tell.
    pub(super) fn ends(&mut self) -> Vec<Ending> {
        let mut told = self.correlator.settle(self.now.after(LATER));
        told.extend(self.correlator.finish());
        told
    }

    pub(super) fn whys(&mut self) -> Vec<Why> {
        let (strays, refused) = self.correlator.strays();
        assert_eq!(refused, 0);
        strays.iter().map(|it| it.why).collect()
    }
}

pub(super) fn segments(ending: &Ending) -> &[WireSegment] {
    ending.segments.as_deref().unwrap()
}

/// Where a segment was seen, and whether under another tuple there.
pub(super) fn places(segment: &WireSegment) -> Vec<(u32, bool)> {
    let sightings = segment.sightings.iter();
    let place = sightings.map(|it| (it.netns.unwrap(), it.tuple.is_some()));
    place.collect()
}
