//! The whole story of how one connection ended, as seen from one socket.

use super::{
    cause::Cause,
    flow::Flow,
    holder::{Holder, Provenance},
    observation::Segment,
    process::{Actor, Confidence, Task},
    reason::Reason,
    socket::{Condition, SocketId},
    stack::StackId,
    state::TcpState,
    time::MonoNs,
    wire::WireSegment,
};

/// One connection, or attempt at one, that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Which kernel object; `None` when no socket was involved (a refused SYN).
    pub socket: Option<SocketId>,
    /// First sight of the socket: its birth, or the first event after the attach.
    pub first_seen: MonoNs,
    /// Both ends, as they were while connected.
    pub flow: Flow,
    /// Who held the descriptor.
    pub owner: Option<Owner>,
    /// The descriptors that referred to the socket, as a look at the machine found them; `None`
    /// without a look.
    pub holders: Option<Vec<Holder>>,
    /// Who else to ask for: the inode of the socket, or of the listener it came from, while a
    /// process may hold it; `None` when no look could tell more.
    pub look: Option<Look>,
    /// The last close that ended nothing, before the one that did.
    pub let_go: Option<LetGo>,
    /// Who asked for the close, of a program of Go; `None` when nobody was seen to.
    pub asked: Option<Asked>,
    /// User the socket belongs to; `None` when it could not be read.
    pub uid: Option<u32>,
    /// Every act that ended something, in time order; at least one.
    pub acts: Vec<Act>,
    /// Every state transition seen, in time order.
    pub states: Vec<Transition>,
    /// When `tcp_close` was called, and whether that was seen or is implied by the state change.
    pub close_called: Option<CloseCall>,
    /// Retransmissions of our FIN.
    pub fin_retransmits: u32,
    /// When the kernel gave the socket up; `None` when it had not yet.
    pub destroyed: Option<MonoNs>,
    /// The last condition in which each fact was known.
    pub condition: Condition,
    /// The ending that came before, of this socket or of an earlier one with this tuple.
    pub after: Option<EndId>,
    /// How the connection ended that had the tuple before; `None` where `after` is of this socket.
    pub former: Option<Former>,
    /// How it is known that TCP did not send the RST that came; `None` when that is not known.
    pub not_by_tcp: Option<NotByTcp>,
    /// Up to when the connection was watched.
    pub until: MonoNs,
    /// The other end of the connection, when it is on this host too.
    pub peer: Option<EndId>,
    /// The FINs and RSTs seen on the wire, in the order of time; `None` without a capture.
    pub segments: Option<Vec<WireSegment>>,
}

/// What one end of a connection goes by in output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndId {
    /// The kernel object; `None` when there was none.
    pub socket: Option<SocketId>,
    /// Both ends, seen from this one.
    pub flow: Flow,
    /// First sight of it.
    pub first_seen: MonoNs,
}

/// How it is known that an RST was made in the name of the peer, and not by its TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotByTcp {
    /// It left a device of this machine, and no hook saw TCP send it.
    LeftHere {
        /// Inode number of the network namespace it left in; `None` when it is not known.
        netns: Option<u32>,
    },
    /// The peer's socket is in the same network namespace, is not closed, and no hook saw it send one.
    PeerLives,
}

/// How the connection ended that had a tuple before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Former {
    /// When the act was that told it.
    pub at: MonoNs,
    /// What it was.
    pub how: How,
    /// When its socket gave way to a stand-in, in `FIN_WAIT2` or `TIME_WAIT`, if there was room for
    /// one; `None` where none was due, or where that was not seen.
    pub gave_way: Option<MonoNs>,
}

impl Ending {
    /// What it goes by in output.
    #[must_use]
    pub const fn id(&self) -> EndId {
        EndId {
            socket: self.socket,
            flow: self.flow,
            first_seen: self.first_seen,
        }
    }

    /// The act everything else is told by: the first RST if there was one, else the timeout that
    /// gave the connection up, else the first act.
    #[must_use]
    pub fn decisive(&self) -> Option<&Act> {
        let reset = |act: &&Act| matches!(act.how, How::RstSent | How::RstReceived);
        let gave_up = |act: &&Act| act.how == How::Timeout;
        let acts = || self.acts.iter();
        acts()
            .find(reset)
            .or_else(|| acts().find(gave_up))
            .or_else(|| self.acts.first())
    }

    /// When the last act or transition was seen.
    #[must_use]
    pub fn last_seen(&self) -> MonoNs {
        let acts = self.acts.last().map(|act| act.at);
        let states = self.states.last().map(|state| state.at);
        acts.max(states)
            .max(self.destroyed)
            .unwrap_or(self.first_seen)
    }
}

/// Who held a socket, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The process, as last seen acting on the socket.
    pub task: Task,
    /// How sure it is.
    pub confidence: Confidence,
    /// How it is known.
    pub from: Provenance,
}

/// What a look at the descriptors of the machine could tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The inode to look for.
    pub inode: u32,
    /// Whether it is the listener's, which others may hold as well.
    pub listener: bool,
}

/// A call of a program's own that leads to the close of a descriptor, maybe by another goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// When.
    pub at: MonoNs,
    /// Who.
    pub task: Task,
    /// Where; `None` when its stack found no room.
    pub stack: Option<StackId>,
}

/// A close of a descriptor whose socket lived on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LetGo {
    /// When.
    pub at: MonoNs,
    /// Who.
    pub task: Task,
    /// References to the file that were left.
    pub references: u32,
}

/// One thing that ended a direction or the whole connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// When.
    pub at: MonoNs,
    /// What.
    pub how: How,
    /// Who acted; the peer's acts are the kernel answering a segment.
    pub actor: Actor,
    /// Why; filled by `diagnose`.
    pub cause: Cause,
    /// How sure the cause is.
    pub confidence: Confidence,
    /// The kernel's own reason, for RSTs on kernels that give one.
    pub reason: Option<Reason>,
    /// The state the socket was in before the act; `None` without a socket.
    pub state: Option<TcpState>,
    /// The condition of the socket right before the act.
    pub condition: Condition,
    /// The segment an RST answered.
    pub provoked_by: Option<Segment>,
    /// Sequence number of the FIN or RST, where the facts say it.
    pub seq: Option<u32>,
    /// The call that made the kernel act; where no hook saw it, what the socket's file implies.
    pub call: Option<Call>,
    /// What the stacks behind it go by; `None` when none were taken.
    pub stack: Option<StackId>,
}

/// The call behind an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `tcp_close`.
    Close,
    /// `tcp_shutdown` with the sending direction.
    Shutdown,
}

/// What an act was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// We queued a FIN.
    FinSent,
    /// The peer's FIN arrived.
    FinReceived,
    /// We sent an RST.
    RstSent,
    /// The peer's RST arrived.
    RstReceived,
    /// The kernel gave up waiting; no RST left.
    Timeout,
    /// The socket went away and nothing was sent.
    Destroyed,
    /// A descriptor was closed and nothing ended: another one refers to the socket.
    HeldOpen,
}

impl How {
    /// Its name in output.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::FinSent => "fin_sent",
            Self::FinReceived => "fin_received",
            Self::RstSent => "rst_sent",
            Self::RstReceived => "rst_received",
            Self::Timeout => "timeout",
            Self::Destroyed => "destroyed",
            Self::HeldOpen => "held_open",
        }
    }
}

/// One state transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub at: MonoNs,
    /// Before.
    pub from: TcpState,
    /// After.
    pub to: TcpState,
}

/// When a socket was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCall {
    /// When.
    pub at: MonoNs,
    /// Whether a hook saw the call; else it is implied by a state change in task context.
    pub seen: bool,
}
