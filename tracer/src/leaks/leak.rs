//! In what way a connection is left over, and who is to be asked about it.

use crate::model::{
    holder::{Provenance, only_process},
    known::{KnownSocket, Traffic},
    process::Comm,
    state::TcpState,
    time::MonoNs,
};

/// In what way a connection is left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leak {
    /// The peer closed, and the program has not: `CLOSE_WAIT`.
    NotClosed,
    /// The program shut its side down and holds on, and the peer has not closed: `FIN_WAIT2` with a
    /// file. No timer of the kernel's ends it.
    HalfClosed,
    /// The program shut its side down and holds on, and its FIN is not acknowledged: `FIN_WAIT1` or
    /// `CLOSING` with a file.
    NotAcknowledged,
    /// A program closed it after it had been used, a copy of the descriptor is open elsewhere, and
    /// nothing passed since. Only hooks see that.
    ClosedButHeld,
    /// Data came, and the program that holds it never read any.
    NeverRead,
    /// It waits at a listener, and nobody accepts it.
    NotAccepted,
    /// Nobody holds it any more, and it is not gone: `FIN_WAIT1`, `FIN_WAIT2`, `CLOSING` or
    /// `LAST_ACK` without a file. The kernel gives it up in the end.
    Orphaned,
}

impl Leak {
    /// In what way a socket is left over, if it is; `let_go` is when a descriptor of it was last
    /// closed while another one stayed open, if that was seen.
    #[must_use]
    pub fn of(socket: &KnownSocket, at: MonoNs, let_go: Option<MonoNs>) -> Option<Self> {
        let held = is_held(socket);
        match socket.state {
            TcpState::CloseWait | TcpState::Established if !held => Some(Self::NotAccepted),
            TcpState::CloseWait => Some(Self::NotClosed),
            TcpState::Established if is_unused_since(socket, at, let_go) => {
                Some(Self::ClosedButHeld)
            }
            TcpState::Established if is_never_read(socket) => Some(Self::NeverRead),
            TcpState::FinWait2 if held => Some(Self::HalfClosed),
            TcpState::FinWait1 | TcpState::Closing if held => Some(Self::NotAcknowledged),
            TcpState::FinWait1 | TcpState::FinWait2 | TcpState::Closing | TcpState::LastAck => {
                Some(Self::Orphaned)
            }
            TcpState::Established
            | TcpState::SynSent
            | TcpState::SynRecv
            | TcpState::NewSynRecv
            | TcpState::TimeWait
            | TcpState::Close
            | TcpState::Listen => None,
        }
    }

    /// Its name in output.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotClosed => "not_closed",
            Self::HalfClosed => "half_closed",
            Self::NotAcknowledged => "not_acknowledged",
            Self::ClosedButHeld => "closed_but_held",
            Self::NeverRead => "never_read",
            Self::NotAccepted => "not_accepted",
            Self::Orphaned => "orphaned",
        }
    }
}

/// Whether a descriptor refers to it; a listener's and a former holder's do not.
fn is_held(socket: &KnownSocket) -> bool {
    let holds = |from| matches!(from, Provenance::SockDiag | Provenance::Procfs);
    socket.inode.is_some() || socket.holders.iter().any(|it| holds(it.from))
}

/// Whether everything that came is still there. Who reads slowly has read something.
fn is_never_read(socket: &KnownSocket) -> bool {
    let all = |it: Traffic| it.received > 0 && it.received == u64::from(socket.receive_queue);
    socket.traffic.is_some_and(all)
}

/// Milliseconds by which the kernel's stamps, of a tick each, may be off.
const GRAIN_MS: u32 = 20;

/// Whether something passed before a descriptor was closed, and nothing did afterwards: whoever has
/// the other one does not use it. A server that hands each new connection to a child closes its
/// own descriptor too, before anything passes.
fn is_unused_since(socket: &KnownSocket, at: MonoNs, let_go: Option<MonoNs>) -> bool {
    let (Some(it), Some(let_go)) = (socket.traffic, let_go) else {
        return false;
    };
    // The SYN of who connected counts as one.
    let was_used = it.received > 0 || it.acked > 1;
    let idle_ms = it.sent_ms.min(it.received_ms).saturating_add(GRAIN_MS);
    was_used && u64::from(idle_ms).saturating_mul(1_000_000) >= at.since(let_go)
}

/// Who is to be asked about leaked sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// One process alone, of this id and name: it holds them, listens where they wait, or closed them.
    Process(u32, [u8; 16]),
    /// Several processes share them.
    Several,
    /// Somebody who was not seen.
    Unseen,
    /// Nobody: an orphan of which nobody knows whose it was.
    Nobody,
}

impl Owner {
    /// Of a socket that leaked.
    pub(super) fn of(socket: &KnownSocket) -> Self {
        match only_process(&socket.holders) {
            Some(holder) => Self::Process(holder.pid, holder.comm.0),
            None if !socket.holders.is_empty() => Self::Several,
            None if socket.inode.is_some() => Self::Unseen,
            None => Self::Nobody,
        }
    }

    /// The process and its name, where it is one.
    #[must_use]
    pub const fn process(self) -> Option<(u32, Comm)> {
        match self {
            Self::Process(pid, comm) => Some((pid, Comm(comm))),
            Self::Several | Self::Unseen | Self::Nobody => None,
        }
    }
}
