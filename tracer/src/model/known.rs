//! A socket as a look at the machine finds it, whether hooks saw its birth or not.

use std::num::NonZeroU64;

use super::{
    flow::Flow,
    holder::{Holder, only_process},
    process::Confidence,
    state::TcpState,
};

/// One TCP socket at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSocket {
    /// Socket cookie, the one the hooks report; `None` where the source does not tell it.
    pub cookie: Option<NonZeroU64>,
    /// Both ends; the remote port is zero for a listener.
    pub flow: Flow,
    /// State; the stand-ins for `TIME_WAIT` and for connections not accepted have one too.
    pub state: TcpState,
    /// Nanoseconds that it has been in this state at the least; `None` when nothing tells. Never
    /// zero, which would say nothing.
    pub in_state_ns: Option<u64>,
    /// User the socket belongs to, in our own user namespace; `None` for a socket without a file.
    pub uid: Option<u32>,
    /// Inode of its file; `None` for one without: orphans, stand-ins, connections not accepted.
    pub inode: Option<NonZeroU64>,
    /// Bytes received and not read; of a listener, connections not accepted.
    pub receive_queue: u32,
    /// Bytes written and not acknowledged; of a listener, how many may wait to be accepted, `None`
    /// where the source does not tell it.
    pub send_queue: Option<u32>,
    /// The timer that runs; `None` when none does.
    pub timer: Option<Timer>,
    /// What passed over it; `None` where the source does not tell, and always for stand-ins. A
    /// recording does not keep it.
    pub traffic: Option<Traffic>,
    /// Where it was found.
    pub origin: Origin,
    /// Every descriptor found that refers to it; pids are those of our own pid namespace.
    pub holders: Vec<Holder>,
}

impl KnownSocket {
    /// How sure it is who owns the socket; `None` when nobody holds it.
    ///
    /// A snapshot proves nothing: the only holder seen is the likely owner, and of several that
    /// share a socket, or of holders that are not seen, nothing is claimed.
    #[must_use]
    pub fn confidence(&self) -> Option<Confidence> {
        if only_process(&self.holders).is_some() {
            Some(Confidence::Likely)
        } else if self.is_held() {
            Some(Confidence::Unknown)
        } else {
            None
        }
    }

    /// Whether anybody holds it: what has a file is held, by holders seen or unseen.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.inode.is_some() || !self.holders.is_empty()
    }
}

/// What passed over a connection, from its `struct tcp_info` (`tcp_get_info`, `net/ipv4/tcp.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Milliseconds since data was last sent; since the connection came to be where none was.
    pub sent_ms: u32,
    /// Milliseconds since data was last received, likewise.
    pub received_ms: u32,
    /// Sequence space the peer acknowledged: payload, and one for the SYN of who connected.
    pub acked: u64,
    /// Sequence space received in order: payload, and one for a FIN.
    pub received: u64,
    /// Bytes written and never sent.
    pub unsent: u32,
}

/// Where a look finds sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The kernel's socket diagnosis, which names the socket's cookie.
    SockDiag,
    /// The tables in `/proc/PID/net`, where only the flow identifies the socket.
    Procfs,
}

impl Origin {
    /// Its name in output.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SockDiag => "sock_diag",
            Self::Procfs => "procfs",
        }
    }
}

/// A timer of a socket, as `inet_sk_diag_fill` (`net/ipv4/inet_diag.c`) tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// What it is for.
    pub kind: TimerKind,
    /// Milliseconds until it fires; zero when it is due.
    pub expires_ms: u32,
    /// Retransmissions or probes so far.
    pub tries: u8,
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimerKind {
    /// A segment is to be sent again, or a lost one to be found.
    Retransmit,
    /// Keepalive, or the end of an orphan in `FIN_WAIT2`.
    Keepalive,
    /// The end of a stand-in: of `TIME_WAIT`, or of an orphan in `FIN_WAIT2`.
    TimeWait,
    /// The peer's window is closed and to be probed.
    Probe,
}

impl TimerKind {
    /// Reads the kernel's number; `None` for no timer and for numbers no kernel uses.
    #[must_use]
    pub const fn from_kernel(raw: u8) -> Option<Self> {
        Some(match raw {
            1 => Self::Retransmit,
            2 => Self::Keepalive,
            3 => Self::TimeWait,
            4 => Self::Probe,
            _ => return None,
        })
    }

    /// Its name in output.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Retransmit => "retransmit",
            Self::Keepalive => "keepalive",
            Self::TimeWait => "time_wait",
            Self::Probe => "probe",
        }
    }
}
