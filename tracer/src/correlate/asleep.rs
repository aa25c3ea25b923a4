//! Sockets nothing happens to, in a tenth of the memory: most of a busy machine's are such.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU64,
    sync::Arc,
};

use super::tracked::Tracked;
use crate::model::{
    ending::{Owner, Transition},
    flow::Flow,
    socket::{Condition, SocketId},
    state::TcpState,
    time::MonoNs,
};

/// Transitions of a socket that is connected, and of which no more is known.
const TRANSITIONS: usize = 2;

/// A socket as it was put to sleep.
#[derive(Debug)]
pub(super) enum Asleep {
    /// Connected by IPv4, and nothing has ended yet.
    Quiet(Quiet<Ipv4Addr>),
    /// As this, otherwise.
    Other(Box<Quiet<IpAddr>>),
    /// Everything else.
    Whole(Box<Tracked>),
}

impl Asleep {
    /// Puts a socket to sleep.
    pub(super) fn lay(tracked: Tracked, origins: &mut Origins) -> Self {
        let quiet = match (tracked.flow.local.ip(), tracked.flow.remote.ip()) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => {
                Quiet::of(&tracked, (local, remote), origins).map(Self::Quiet)
            }
            hosts => Quiet::of(&tracked, hosts, origins).map(|it| Self::Other(Box::new(it))),
        };
        quiet.unwrap_or_else(|| Self::Whole(Box::new(tracked)))
    }

    /// The socket as it was; `address` is where the kernel has it.
    pub(super) fn wake(self, address: u64) -> Tracked {
        match self {
            Self::Quiet(quiet) => quiet.wake(address),
            Self::Other(quiet) => quiet.wake(address),
            Self::Whole(tracked) => *tracked,
        }
    }

    /// Its flow, asked for in its sleep.
    pub(super) fn flow(&self) -> Flow {
        match self {
            Self::Quiet(quiet) => quiet.flow(),
            Self::Other(quiet) => quiet.flow(),
            Self::Whole(tracked) => tracked.flow,
        }
    }
}

/// What is known of a socket that is connected.
#[derive(Debug)]
pub(super) struct Quiet<Host> {
    cookie: Option<NonZeroU64>,
    origin: Arc<Origin>,
    hosts: (Host, Host),
    first_seen: MonoNs,
    /// Nanoseconds since then.
    last_touched: u32,
    /// Nanoseconds since then, of each transition.
    when: [u32; TRANSITIONS],
    /// What happened then, of the first `transitions`.
    states: [(TcpState, TcpState); TRANSITIONS],
    transitions: u8,
    found_by_flow: bool,
    state: Option<TcpState>,
    ports: (u16, u16),
    /// Zero where it is not known.
    inode: u32,
}

/// Where a socket comes from, which it has in common with many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Origin {
    owner: Option<Owner>,
    listener_cookie: Option<NonZeroU64>,
    netns: Option<u32>,
    uid: Option<u32>,
}

impl<Host: Copy + Into<IpAddr>> Quiet<Host> {
    /// `None` when there is more to know of it.
    fn of(tracked: &Tracked, hosts: (Host, Host), origins: &mut Origins) -> Option<Self> {
        let flow = &tracked.flow;
        if !is_quiet(tracked) || !has_room(tracked) {
            return None;
        }
        let first_seen = tracked.first_seen;
        let since = |at: MonoNs| u32::try_from(at.0.checked_sub(first_seen.0)?).ok();
        let mut when = [0; TRANSITIONS];
        let mut states = [(TcpState::Close, TcpState::Close); TRANSITIONS];
        for ((when, what), state) in when.iter_mut().zip(&mut states).zip(&tracked.states) {
            (*when, *what) = (since(state.at)?, (state.from, state.to));
        }
        Some(Self {
            cookie: tracked.id.cookie,
            origin: origins.shared(Origin {
                owner: tracked.owner,
                listener_cookie: tracked.listener_cookie,
                netns: flow.netns,
                uid: tracked.uid,
            }),
            hosts,
            first_seen,
            last_touched: since(tracked.last_touched)?,
            when,
            states,
            transitions: u8::try_from(tracked.states.len()).ok()?,
            found_by_flow: tracked.found_by_flow,
            state: tracked.state,
            ports: (flow.local.port(), flow.remote.port()),
            inode: tracked.condition.inode.unwrap_or(0),
        })
    }

    fn flow(&self) -> Flow {
        let (local, remote) = self.hosts;
        Flow {
            local: SocketAddr::new(local.into(), self.ports.0),
            remote: SocketAddr::new(remote.into(), self.ports.1),
            netns: self.origin.netns,
        }
    }

    fn wake(self, address: u64) -> Tracked {
        let id = SocketId {
            address,
            cookie: self.cookie,
        };
        let flow = self.flow();
        let at = |since: u32| self.first_seen.after(since.into());
        let states = self.when.into_iter().zip(self.states);
        let states = states.take(self.transitions.into());
        Tracked {
            uid: self.origin.uid,
            state: self.state,
            owner: self.origin.owner,
            listener_cookie: self.origin.listener_cookie,
            states: states
                .map(|(since, (from, to))| Transition {
                    at: at(since),
                    from,
                    to,
                })
                .collect(),
            condition: Condition {
                inode: (self.inode != 0).then_some(self.inode),
                ..Condition::default()
            },
            last_touched: at(self.last_touched),
            found_by_flow: self.found_by_flow,
            ..Tracked::new(self.first_seen, id, flow)
        }
    }
}

/// Whether nothing is known of it but that it is connected.
fn is_quiet(tracked: &Tracked) -> bool {
    // By name, so that nothing new is forgotten here.
    let Tracked {
        id: _,
        first_seen: _,
        flow: _,
        uid: _,
        state: _,
        owner: _,
        listener_cookie: _,
        listener,
        held_open,
        let_go,
        asked,
        acts,
        states: _,
        close_called,
        called,
        closed,
        fin_sent,
        fin_received,
        fin_retransmits,
        destroyed,
        condition,
        last_touched: _,
        told,
        after,
        peer,
        introduced,
        nameless,
        found_by_flow: _,
        stacks,
        due,
        queued: _,
        truncated,
    } = tracked;
    let plain = Condition {
        inode: condition.inode,
        ..Condition::default()
    };
    let nothing_pending = held_open.is_empty()
        && asked.is_empty()
        && acts.is_empty()
        && stacks.is_empty()
        && due.is_none();
    let nothing_called = let_go.is_none()
        && close_called.is_none()
        && called.is_none()
        && closed.is_none()
        && destroyed.is_none();
    let nothing_seen = !fin_sent && !fin_received && *fin_retransmits == 0 && *condition == plain;
    let nothing_told =
        told.is_none() && after.is_none() && peer.is_none() && !introduced && !nameless;
    *truncated == 0
        && listener.is_none()
        && nothing_pending
        && nothing_called
        && nothing_seen
        && nothing_told
}

/// Whether what a quiet socket has finds room, where zero stands for no inode.
fn has_room(tracked: &Tracked) -> bool {
    is_plain(tracked.flow.local)
        && is_plain(tracked.flow.remote)
        && tracked.condition.inode != Some(0)
        && tracked.states.len() <= TRANSITIONS
}

/// Whether an end is an address and a port, and nothing else.
fn is_plain(end: SocketAddr) -> bool {
    match end {
        SocketAddr::V4(_) => true,
        SocketAddr::V6(end) => end.flowinfo() == 0 && end.scope_id() == 0,
    }
}

/// Origins many sockets have, each kept once.
#[derive(Debug, Default)]
pub(super) struct Origins {
    shared: HashSet<Arc<Origin>>,
    /// How many there may be before those that are nobody's any more are dropped.
    tidy_at: usize,
}

impl Origins {
    /// Looked through first when there are more.
    const FEW: usize = 1_024;

    fn shared(&mut self, origin: Origin) -> Arc<Origin> {
        if let Some(shared) = self.shared.get(&origin) {
            return Arc::clone(shared);
        }
        if self.shared.len() >= self.tidy_at.max(Self::FEW) {
            self.shared.retain(|origin| Arc::strong_count(origin) > 1);
            self.tidy_at = self.shared.len() * 2;
        }
        let shared = Arc::new(origin);
        self.shared.insert(Arc::clone(&shared));
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        holder::Provenance,
        process::{Comm, Confidence, Task},
    };

    const TASK: Task = Task {
        pid: 7,
        tid: 8,
        comm: Comm(*b"worker\0\0\0\0\0\0\0\0\0\0"),
        process_comm: Comm(*b"server\0\0\0\0\0\0\0\0\0\0"),
        start_ns: Some(9),
        uid: 1000,
        goroutine: None,
        exit: None,
        executing: false,
    };

    fn connected(local: &str, remote: &str) -> Tracked {
        let id = SocketId {
            address: 0xffff_8880_0000_1000,
            cookie: NonZeroU64::new(17),
        };
        let flow = Flow {
            local: local.parse().unwrap(),
            remote: remote.parse().unwrap(),
            netns: Some(4_026_531_992),
        };
        let transition = |at, from, to| Transition {
            at: MonoNs(at),
            from,
            to,
        };
        Tracked {
            uid: Some(0),
            state: Some(TcpState::Established),
            owner: Some(Owner {
                task: TASK,
                confidence: Confidence::Exact,
                from: Provenance::Connected,
            }),
            listener_cookie: NonZeroU64::new(3),
            states: vec![
                transition(1_000, TcpState::Close, TcpState::SynSent),
                transition(3_000_000_000, TcpState::SynSent, TcpState::Established),
            ],
            condition: Condition {
                inode: Some(99),
                ..Condition::default()
            },
            last_touched: MonoNs(4_000_000_000),
            found_by_flow: true,
            ..Tracked::new(MonoNs(1_000), id, flow)
        }
    }

    fn slept(tracked: Tracked) -> (bool, String) {
        let address = tracked.id.address;
        let asleep = Asleep::lay(tracked, &mut Origins::default());
        let quiet = !matches!(asleep, Asleep::Whole(_));
        (quiet, format!("{:?}", asleep.wake(address)))
    }

    #[test]
    fn a_quiet_socket_is_small_and_wakes_as_it_was() {
        for (local, remote) in [
            ("192.0.2.1:443", "198.51.100.7:50000"),
            ("[2001:db8::1]:443", "[2001:db8::2]:50000"),
        ] {
            let before = format!("{:?}", connected(local, remote));
            assert_eq!(slept(connected(local, remote)), (true, before));
        }
        assert!(size_of::<Asleep>() <= 64, "{}", size_of::<Asleep>());
    }

    #[test]
    fn what_has_no_room_is_kept_whole() {
        let change: [fn(&mut Tracked); 7] = [
            |it| it.fin_received = true,
            |it| it.condition.unread = Some(0),
            |it| it.last_touched = MonoNs(5_000_000_000),
            |it| it.due = Some(MonoNs(5)),
            |it| it.states.push(it.states[0]),
            |it| it.states[1].at = MonoNs(0),
            |it| it.condition.inode = Some(0),
        ];
        for change in change {
            let mut tracked = connected("192.0.2.1:443", "198.51.100.7:50000");
            change(&mut tracked);
            let before = format!("{tracked:?}");
            assert_eq!(slept(tracked), (false, before));
        }
    }

    #[test]
    fn origins_nobody_has_are_dropped() {
        let mut origins = Origins::default();
        let origin = |netns| Origin {
            owner: None,
            listener_cookie: None,
            netns: Some(netns),
            uid: None,
        };
        let kept = origins.shared(origin(0));
        for netns in 1..10_000 {
            let _dropped = origins.shared(origin(netns));
        }
        assert!(origins.shared.len() <= Origins::FEW + 1);
        assert!(Arc::ptr_eq(&kept, &origins.shared(origin(0))));
    }
}
