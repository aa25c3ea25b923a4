//! Looks, one after the other: what each says of leaked sockets, and how old they are.

use std::{collections::HashMap, num::NonZeroU64};

use super::{
    Leak, Owner, Touch,
    traced::{Index, Seen, Traced},
};
use crate::model::{known::KnownSocket, state::TcpState, time::MonoNs};

/// A socket that leaked.
#[derive(Clone, Debug)]
pub struct Leaked {
    /// The socket, as the look found it.
    pub socket: KnownSocket,
    /// In what way.
    pub leak: Leak,
    /// Who is to be asked.
    pub owner: Owner,
    /// Nanoseconds it has been left over.
    pub age_ns: u64,
    /// Whether that is exact: hooks saw it begin. Else it is a lower bound.
    pub exact: bool,
    /// Address of its `struct sock`; `None` when no hook saw it.
    pub address: Option<u64>,
    /// Who got it, as far as hooks saw it.
    pub got: Option<Touch>,
    /// Who touched it last, likewise; never who got it.
    pub last: Option<Touch>,
}

impl Leaked {
    /// Bytes received and not read. The kernel counts a FIN among them until a read has met it
    /// (`tcp_diag_get_info`, `net/ipv4/tcp_diag.c`), and it is the last.
    #[must_use]
    pub const fn unread(&self) -> u32 {
        let with_fin = matches!(
            self.socket.state,
            TcpState::CloseWait | TcpState::Closing | TcpState::LastAck
        );
        if with_fin {
            self.socket.receive_queue.saturating_sub(1)
        } else {
            self.socket.receive_queue
        }
    }

    /// Takes in that a task touched it, unless another one did so later.
    pub fn touched(&mut self, touch: Touch) {
        if self.last.as_ref().is_none_or(|last| last.at < touch.at) {
            self.last = Some(touch);
        }
    }
}

/// What one look found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Those that are older than asked for.
    pub leaked: Vec<Leaked>,
    /// Sockets in such a state that are younger, or of which nothing tells how old they are.
    pub younger: u64,
    /// Of these, those nothing tells of.
    pub ageless: u64,
}

/// Looks, one after the other: what was there before is as old as that at the least.
#[derive(Debug)]
pub struct Looks {
    older_than_ns: u64,
    /// When a socket was first seen to be left over in a state.
    seen: HashMap<(NonZeroU64, TcpState, Leak), MonoNs>,
}

impl Looks {
    /// None yet; only what has been left over for this long counts.
    #[must_use]
    pub fn new(older_than_ns: u64) -> Self {
        Self {
            older_than_ns,
            seen: HashMap::new(),
        }
    }

    /// Takes in what a look found, at some time, and what hooks saw before.
    pub fn take(&mut self, sockets: &[KnownSocket], at: MonoNs, traced: Option<&Traced>) -> Found {
        let index = traced.map(Traced::index);
        let mut found = Found::default();
        let mut known = HashMap::new();
        for socket in sockets {
            let seen = index
                .as_ref()
                .and_then(|index: &Index<'_>| index.of(socket));
            let let_go = seen.and_then(|seen| seen.let_go.as_ref());
            let Some(leak) = Leak::of(socket, at, let_go.map(|it| it.at)) else {
                continue;
            };
            let key = socket.cookie.map(|cookie| (cookie, socket.state, leak));
            let since = key.map(|key| {
                let before = self.seen.get(&key).copied().unwrap_or(at);
                *known.entry(key).or_insert(before)
            });
            let watched = since.map(|since| at.since(since)).filter(|ns| *ns > 0);
            let begun = seen.and_then(|seen| begun(leak, socket.state, seen));
            let exact = begun.map(|begun| at.since(begun));
            let Some(age_ns) = exact.or_else(|| at_least(leak, socket).max(watched)) else {
                (found.younger, found.ageless) = (found.younger + 1, found.ageless + 1);
                continue;
            };
            if age_ns < self.older_than_ns {
                found.younger += 1;
                continue;
            }
            found.leaked.push(Leaked {
                socket: socket.clone(),
                leak,
                owner: Owner::of(socket),
                age_ns,
                exact: exact.is_some(),
                address: seen.map(Seen::address),
                got: seen.and_then(|seen| seen.got.clone()),
                last: seen.and_then(last),
            });
        }
        self.seen = known;
        found
    }
}

/// When it began to be left over, where hooks saw it.
fn begun(leak: Leak, state: TcpState, seen: &Seen) -> Option<MonoNs> {
    match leak {
        Leak::NotClosed
        | Leak::HalfClosed
        | Leak::NotAcknowledged
        | Leak::NotAccepted
        | Leak::Orphaned => seen.since(state),
        Leak::ClosedButHeld => seen.let_go.as_ref().map(|it| it.at),
        // When the first byte came no hook sees.
        Leak::NeverRead => None,
    }
}

/// Nanoseconds it has been left over at the least, by what the look says itself.
fn at_least(leak: Leak, socket: &KnownSocket) -> Option<u64> {
    match leak {
        Leak::NeverRead => {
            let ms = socket.traffic.map(|it| it.received_ms);
            ms.filter(|ms| *ms > 0)
                .map(|ms| u64::from(ms).saturating_mul(1_000_000))
        }
        Leak::NotClosed
        | Leak::HalfClosed
        | Leak::NotAcknowledged
        | Leak::ClosedButHeld
        | Leak::NotAccepted
        | Leak::Orphaned => socket.in_state_ns,
    }
}

/// Who shut it down or let go of it last.
fn last(seen: &Seen) -> Option<Touch> {
    let acts = [&seen.shut, &seen.let_go].into_iter().flatten();
    acts.max_by_key(|it| it.at).cloned()
}
