//! What hooks saw of the sockets there are: since when they are in their state, who got them, who
//! shut them down, who closed a descriptor of them; and of those that ended, who closed first.
//!
//! Bounded: of too many sockets the one nothing happened to for longest is forgotten, and of too
//! many stacks the last are not kept.

use std::{collections::HashMap, num::NonZeroU64, sync::Arc};

use hashlink::LruCache;

use super::{How, Touch};
use crate::model::{
    flow::Flow,
    known::KnownSocket,
    observation::{Observation, What},
    process::{Actor, Task},
    socket::SocketId,
    stack::{Addresses, Taken},
    state::TcpState,
    time::MonoNs,
};

/// Sockets followed at most, each of about 400 bytes.
const SOCKETS: usize = 131_072;
/// Connections of which it is known who closed first.
const CLOSERS: usize = 131_072;
/// Stacks kept that sockets share, of about a kibibyte.
const SHARED: usize = 4_096;
/// Stacks kept of one socket each, of about two and a half.
const OWN: usize = 16_384;

/// A stack that many sockets may have: whose program's, and its frames.
type Frames = (u32, u64, u64, Vec<u64>);

/// What hooks saw so far.
#[derive(Debug)]
pub struct Traced {
    sockets: LruCache<u64, Seen>,
    closers: LruCache<Flow, Task>,
    shared: HashMap<Frames, Arc<Taken>>,
    /// Stacks kept that are no other socket's.
    own: usize,
}

/// What was seen of one socket.
#[derive(Debug)]
pub(super) struct Seen {
    id: SocketId,
    flow: Option<Flow>,
    /// Its last change of state that was seen.
    state: Option<(TcpState, MonoNs)>,
    /// Who got it.
    pub(super) got: Option<Touch>,
    /// Who shut it down last.
    pub(super) shut: Option<Touch>,
    /// Who closed a descriptor of it last, while another one was open.
    pub(super) let_go: Option<Touch>,
}

impl Seen {
    const fn new(id: SocketId) -> Self {
        Self {
            id,
            flow: None,
            state: None,
            got: None,
            shut: None,
            let_go: None,
        }
    }

    /// Since when it is in a state; `None` when the change into it was not seen.
    #[must_use]
    pub(super) fn since(&self, state: TcpState) -> Option<MonoNs> {
        self.state
            .filter(|(to, _)| *to == state)
            .map(|(_, since)| since)
    }

    /// Address of its `struct sock`.
    #[must_use]
    pub(super) const fn address(&self) -> u64 {
        self.id.address
    }

    fn touches(&mut self) -> impl Iterator<Item = &mut Touch> {
        [&mut self.got, &mut self.shut, &mut self.let_go]
            .into_iter()
            .flatten()
    }
}

/// Where the sockets of a look are among those that were traced.
#[derive(Debug)]
pub(super) struct Index<'a> {
    by_cookie: HashMap<NonZeroU64, &'a Seen>,
    by_flow: HashMap<Flow, &'a Seen>,
}

impl<'a> Index<'a> {
    /// What was seen of a socket.
    pub(super) fn of(&self, socket: &KnownSocket) -> Option<&'a Seen> {
        let by_cookie = socket.cookie.and_then(|it| self.by_cookie.get(&it));
        by_cookie
            .or_else(|| self.by_flow.get(&socket.flow))
            .copied()
    }
}

impl Default for Traced {
    fn default() -> Self {
        Self {
            sockets: LruCache::new_unbounded(),
            closers: LruCache::new(CLOSERS),
            shared: HashMap::new(),
            own: 0,
        }
    }
}

impl Traced {
    /// Takes in what a hook saw.
    pub fn observe(&mut self, seen: &Observation) {
        let task = match &seen.actor {
            Actor::Task(task) => Some(task),
            Actor::KernelThread(_) | Actor::Softirq | Actor::Unknown => None,
        };
        let touch = |how| {
            task.map(|&task| Touch {
                how,
                at: seen.at,
                task,
                stack: None,
            })
        };
        match &seen.what {
            What::StateChanged { socket, to, .. } => {
                let opened = touch(How::Connected).filter(|_| *to == TcpState::SynSent);
                self.changed((socket.id, socket.flow), (*to, seen.at), opened);
                if let (TcpState::FinWait1, Some(task)) = (to, task) {
                    self.closers.insert(socket.flow, *task);
                }
            }
            What::Accepted { socket, .. } => self.of(*socket).got = touch(How::Accepted),
            What::ShutdownCalled { socket, .. } => {
                self.of(socket.id).shut = touch(How::ShutDown);
            }
            What::HeldOpen { socket, .. } => {
                let entry = self.of(socket.id);
                (entry.flow, entry.let_go) = (Some(socket.flow), touch(How::Closed));
            }
            What::Destroyed { socket, .. } => self.forget(socket.id.address),
            What::Stack(taken) => self.stack(seen.at, taken),
            What::CloseCalled { .. }
            | What::FinQueued { .. }
            | What::RstSent { .. }
            | What::RstAnswered { .. }
            | What::RstReceived { .. }
            | What::FinRetransmitted { .. }
            | What::Queued { .. }
            | What::CloseAsked { .. }
            | What::SegmentSeen(_)
            | What::ProcessExited { .. }
            | What::ProcessExeced { .. }
            | What::ProcessForked { .. } => {}
        }
    }

    /// The process that closed a connection first, as far as that was seen.
    #[must_use]
    pub(super) fn closer(&self, flow: &Flow) -> Option<&Task> {
        self.closers.peek(flow)
    }

    /// Finds what was seen of the sockets of a look.
    pub(super) fn index(&self) -> Index<'_> {
        let mut index = Index {
            by_cookie: HashMap::new(),
            by_flow: HashMap::new(),
        };
        for (_, seen) in &self.sockets {
            match (seen.id.cookie, seen.flow) {
                (Some(cookie), _) => _ = index.by_cookie.insert(cookie, seen),
                // The kernel had made none when it was seen; the tuple is nobody else's meanwhile.
                (None, Some(flow)) => _ = index.by_flow.insert(flow, seen),
                (None, None) => {}
            }
        }
        index
    }

    /// The stack of a touch as it is kept; many sockets of a program of Go have the same, of which
    /// one is kept: its frames are all there is to know. `None` where there is no room.
    pub fn keep(&mut self, task: &Task, taken: &Taken) -> Option<Arc<Taken>> {
        let Addresses::Frames(frames) = &taken.user else {
            return None;
        };
        if task.goroutine.is_none() {
            return (self.own < OWN).then(|| Arc::new(taken.clone()));
        }
        let key = (taken.pid, taken.start_ns, taken.mm, frames.clone());
        if let Some(known) = self.shared.get(&key) {
            return Some(Arc::clone(known));
        }
        let bare = Arc::new(Taken {
            registers: Vec::new(),
            memory: Vec::new(),
            ..taken.clone()
        });
        (self.shared.len() < SHARED).then(|| Arc::clone(self.shared.entry(key).or_insert(bare)))
    }

    /// What is known of a socket; anew where the address was another's.
    fn of(&mut self, id: SocketId) -> &mut Seen {
        let other = |known: &Seen| !known.id.may_be(id);
        if self.sockets.peek(&id.address).is_some_and(other) {
            self.forget(id.address);
        }
        while self.sockets.len() >= SOCKETS && !self.sockets.contains_key(&id.address) {
            let Some((_, mut oldest)) = self.sockets.remove_lru() else {
                break;
            };
            self.release(&mut oldest);
        }
        let entry = self.sockets.entry(id.address);
        let entry = entry.or_insert_with(|| Seen::new(id));
        entry.id.cookie = entry.id.cookie.or(id.cookie);
        entry
    }

    fn changed(
        &mut self,
        (id, flow): (SocketId, Flow),
        (to, at): (TcpState, MonoNs),
        opened: Option<Touch>,
    ) {
        if matches!(to, TcpState::Close | TcpState::SynSent | TcpState::SynRecv) {
            self.forget(id.address);
        }
        if to == TcpState::Close {
            return;
        }
        let entry = self.of(id);
        (entry.flow, entry.state) = (Some(flow), Some((to, at)));
        if opened.is_some() {
            entry.got = opened;
        }
    }

    /// Takes in the stack of an act; the act came right before.
    fn stack(&mut self, at: MonoNs, taken: &Taken) {
        let address = taken.socket.address;
        let Some(entry) = self.sockets.get_mut(&address) else {
            return;
        };
        let Some(task) = entry.touches().find(|it| it.at == at).map(|it| it.task) else {
            return;
        };
        let Some(kept) = self.keep(&task, taken) else {
            return;
        };
        let entry = self.sockets.get_mut(&address);
        let touch = entry.and_then(|entry| entry.touches().find(|it| it.at == at));
        if let Some(touch) = touch {
            self.own += usize::from(task.goroutine.is_none());
            touch.stack = Some(kept);
        }
    }

    fn forget(&mut self, address: u64) {
        if let Some(mut entry) = self.sockets.remove(&address) {
            self.release(&mut entry);
        }
    }

    /// Gives the room of an entry's stacks back.
    fn release(&mut self, entry: &mut Seen) {
        let own = |it: &&mut Touch| it.stack.is_some() && it.task.goroutine.is_none();
        self.own = self.own.saturating_sub(entry.touches().filter(own).count());
    }
}
