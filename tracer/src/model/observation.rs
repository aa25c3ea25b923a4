//! One thing the kernel did, as a hook saw it, in our words.

use super::{
    flow::Flow,
    process::{Actor, Task},
    segment::Passed,
    socket::{Condition, Socket, SocketId},
    stack::Taken,
    state::TcpState,
    time::MonoNs,
};

/// One decoded record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When the hook ran.
    pub at: MonoNs,
    /// CPU it ran on.
    pub cpu: u16,
    /// The record's number among those its CPU tried to send.
    pub seq: u64,
    /// Who acted; a bystander on the CPU is not an actor.
    pub actor: Actor,
    /// What happened.
    pub what: What,
}

/// The closed set of things a hook can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A task called `tcp_close`.
    CloseCalled {
        /// The socket, before anything was done to it.
        socket: Socket,
        /// Its condition.
        condition: Condition,
    },
    /// A task called `tcp_shutdown`.
    ShutdownCalled {
        /// The socket.
        socket: Socket,
        /// Its condition.
        condition: Condition,
        /// Whether the sending direction is being shut.
        send: bool,
        /// Whether the receiving direction is being shut.
        receive: bool,
    },
    /// The kernel queued a FIN.
    FinQueued {
        /// The socket.
        socket: Socket,
        /// Sequence number the FIN takes; `None` when it could not be read.
        seq: Option<u32>,
        /// Bytes queued before it and not sent yet.
        unsent: Option<u32>,
    },
    /// An RST left for a live socket.
    RstSent {
        /// The socket.
        socket: Socket,
        /// Its condition.
        condition: Condition,
        /// `enum sk_rst_reason`; `None` on kernels that give none.
        reason: Option<u32>,
    },
    /// An RST answered a segment.
    RstAnswered {
        /// The tuple of the answer.
        flow: Flow,
        /// The socket the segment was for, if there was one.
        socket: Option<SocketId>,
        /// The state of that socket.
        state: Option<TcpState>,
        /// The condition of that socket, of a listener its queue.
        condition: Condition,
        /// The segment.
        provoked_by: Segment,
        /// `enum sk_rst_reason`; `None` on kernels that give none.
        reason: Option<u32>,
    },
    /// A socket changed its state.
    StateChanged {
        /// The socket, in its old state.
        socket: Socket,
        /// Its condition; nothing is known for transitions that end nothing.
        condition: Condition,
        /// What was held back until the owner was known.
        held_back: HeldBack,
        /// Before.
        from: TcpState,
        /// After.
        to: TcpState,
    },
    /// The kernel aborted a connection because of a segment.
    RstReceived {
        /// The socket, in the state it was in.
        socket: Socket,
        /// Its condition.
        condition: Condition,
    },
    /// A segment with a FIN was sent again.
    FinRetransmitted {
        /// The socket.
        socket: Socket,
        /// Sequence number of the segment's first byte.
        seq: u32,
    },
    /// The kernel gave up a socket; its tuple may be gone.
    Destroyed {
        /// The socket.
        socket: Socket,
        /// Its condition.
        condition: Condition,
        /// What was held back until the owner was known.
        held_back: HeldBack,
    },
    /// A task took a connection from a listener's queue.
    Accepted {
        /// The connection.
        socket: SocketId,
        /// Number of its new descriptor's inode; `None` when it could not be read.
        inode: Option<u32>,
    },
    /// A task closed a descriptor, and its connection lives on.
    HeldOpen {
        /// The connection.
        socket: Socket,
        /// Number of its inode; `None` when it could not be read.
        inode: Option<u32>,
        /// What still refers to its file: descriptors, running calls, messages under way.
        references: u32,
    },
    /// A connection was queued on one of several listeners of its port.
    Queued {
        /// The connection.
        socket: SocketId,
        /// The listener.
        listener: SocketId,
    },
    /// A goroutine asked for a connection to be closed.
    CloseAsked {
        /// The connection.
        socket: Socket,
    },
    /// A FIN or RST passed a device.
    SegmentSeen(Passed),
    /// How the act of another record came about.
    Stack(Box<Taken>),
    /// A thread exited.
    ProcessExited {
        /// The thread.
        task: Task,
    },
    /// A process executed another program.
    ProcessExeced {
        /// The process under its new name.
        task: Task,
    },
    /// A process or thread was created.
    ProcessForked {
        /// The parent.
        parent: Task,
        /// Process id of the child; the parent's when a thread was created.
        child_pid: u32,
        /// Thread id of the child.
        child_tid: u32,
    },
}

impl What {
    /// The socket it is about; others have at most the name of one.
    #[must_use]
    pub const fn socket(&self) -> Option<&Socket> {
        match self {
            Self::CloseCalled { socket, .. }
            | Self::ShutdownCalled { socket, .. }
            | Self::FinQueued { socket, .. }
            | Self::RstSent { socket, .. }
            | Self::StateChanged { socket, .. }
            | Self::RstReceived { socket, .. }
            | Self::FinRetransmitted { socket, .. }
            | Self::HeldOpen { socket, .. }
            | Self::CloseAsked { socket }
            | Self::Destroyed { socket, .. } => Some(socket),
            Self::RstAnswered { .. }
            | Self::Accepted { .. }
            | Self::Queued { .. }
            | Self::SegmentSeen(_)
            | Self::Stack(_)
            | Self::ProcessExited { .. }
            | Self::ProcessExeced { .. }
            | Self::ProcessForked { .. } => None,
        }
    }

    /// The flow it is about; `None` for what happens to processes.
    #[must_use]
    pub fn flow(&self) -> Option<&Flow> {
        if let Self::RstAnswered { flow, .. } | Self::SegmentSeen(Passed { flow, .. }) = self {
            return Some(flow);
        }
        self.socket().map(|socket| &socket.flow)
    }
}

/// A segment that provoked an RST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number; meaningless without the ACK flag.
    pub ack: u32,
    /// Flag bits as on the wire.
    pub flags: SegmentFlags,
}

/// TCP flag bits as on the wire (RFC 9293, section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SegmentFlags(pub u8);

impl SegmentFlags {
    /// FIN bit.
    pub const FIN: u8 = 1;
    /// SYN bit.
    pub const SYN: u8 = 2;
    /// RST bit.
    pub const RST: u8 = 4;
    /// ACK bit.
    pub const ACK: u8 = 16;

    /// Whether every bit of `mask` is set.
    #[must_use]
    pub const fn has(self, mask: u8) -> bool {
        self.0 & mask == mask
    }

    /// Whether it opens a connection, or agrees to: a SYN that ends nothing.
    #[must_use]
    pub const fn opens(self) -> bool {
        self.0 & (Self::SYN | Self::FIN | Self::RST) == Self::SYN
    }
}

impl std::fmt::Display for SegmentFlags {
    /// tcpdump's letters: `S`, `F`, `R`, `P`, `U`, `E`, `W`, and `.` for ACK.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let letters = [
            (1, 'F'),
            (2, 'S'),
            (4, 'R'),
            (8, 'P'),
            (16, '.'),
            (32, 'U'),
            (64, 'E'),
            (128, 'W'),
        ];
        for (_, letter) in letters.into_iter().filter(|&(bit, _)| self.has(bit)) {
            write!(f, "{letter}")?;
        }
        Ok(())
    }
}

/// Events on a socket that the kernel half held back until the owner was known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldBack {
    /// When a FIN arrived.
    pub fin_received: Option<MonoNs>,
    /// When an RST arrived.
    pub rst_received: Option<MonoNs>,
}
