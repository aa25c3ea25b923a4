//! A socket: what identifies it and the condition it was in.

use std::num::NonZeroU64;

use super::{flow::Flow, state::TcpState};

/// What the kernel object goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketId {
    /// Address of the `struct sock`; the kernel reuses it, so it never identifies alone.
    pub address: u64,
    /// Socket cookie, unique per boot; `None` when the kernel had not made one yet.
    pub cookie: Option<NonZeroU64>,
}

impl SocketId {
    /// Whether both can mean one socket: same address, and no two different cookies.
    #[must_use]
    pub fn may_be(self, other: Self) -> bool {
        self.address == other.address
            && match (self.cookie, other.cookie) {
                (Some(ours), Some(theirs)) => ours == theirs,
                (None, _) | (_, None) => true,
            }
    }
}

/// A socket as an event saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Which kernel object.
    pub id: SocketId,
    /// Both ends.
    pub flow: Flow,
    /// User the socket belongs to; `None` when it could not be read.
    pub uid: Option<u32>,
    /// State at the event; `None` for a number we do not know.
    pub state: Option<TcpState>,
}

/// The condition of a socket at an event; `None` is "not read", never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Payload bytes received and not read.
    pub unread: Option<u32>,
    /// Sequence space written and not acknowledged: payload, plus one for a queued FIN.
    pub unacked: Option<u32>,
    /// Sequence space written and never sent: payload, plus one for a queued FIN.
    pub unsent: Option<u32>,
    /// The sequence number the next byte (or the FIN) gets.
    pub write_seq: Option<u32>,
    /// The next sequence number expected.
    pub rcv_nxt: Option<u32>,
    /// Whether the socket is an orphan.
    pub dead: Option<bool>,
    /// Whether a FIN was received.
    pub fin_received: Option<bool>,
    /// Whether a read has met the received FIN, as end of file; `Some(false)` also where none came.
    pub fin_read: Option<bool>,
    /// `SO_LINGER`: `Some(None)` off, `Some(Some(jiffies))` on.
    pub linger: Option<Option<u32>>,
    /// Pending error, a positive errno, zero for none.
    pub err: Option<u32>,
    /// Smoothed round trip time in microseconds.
    pub rtt_us: Option<u32>,
    /// Sequence space the peer acknowledged: payload, plus one for a SYN that asked for the connection,
    /// and one for a FIN.
    pub bytes_acked: Option<u64>,
    /// Sequence space received in order: payload, plus one for a FIN.
    pub bytes_received: Option<u64>,
    /// Whether the receiving and the sending direction are shut, in this order.
    pub shutdown: Option<(bool, bool)>,
    /// What refers to the socket's file.
    pub file: Option<FileRefs>,
    /// Number of the socket's inode, as `/proc/PID/fd` shows it; `None` also without a descriptor.
    pub inode: Option<u32>,
    /// Of a listener: connections not accepted, and how many may wait.
    pub backlog: Option<(u32, u32)>,
    /// What its timers say; read only of a connection that ends by an RST or an error.
    pub timers: Timers,
}

/// What the timers of a socket, and what belongs to them, say; `None` is "not read".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timers {
    /// Milliseconds since data was last sent or received.
    pub idle_ms: Option<u32>,
    /// Microseconds since a segment left that is not acknowledged; zero when there is none.
    pub unacked_age_us: Option<u32>,
    /// `TCP_USER_TIMEOUT` in milliseconds; zero when it is not set.
    pub user_timeout_ms: Option<u32>,
    /// Bytes the peer has room for.
    pub window: Option<u32>,
    /// How often the oldest segment was sent again, and how many probes have no answer.
    pub tries: Option<Tries>,
    /// `TCP_LINGER2` in jiffies: zero for the default, negative for none.
    pub linger2: Option<i32>,
    /// When keepalive probes are sent: `Some(None)` where `SO_KEEPALIVE` is off.
    pub keepalive: Option<Option<Keepalive>>,
    /// Whether all TCP sockets together had more memory than `net.ipv4.tcp_mem` likes.
    pub memory_pressure: Option<bool>,
    /// Whether segments are signed, by TCP-MD5 or TCP-AO.
    pub signed: Option<bool>,
    /// Whether it is a subflow of Multipath TCP.
    pub mptcp: Option<bool>,
}

impl Timers {
    /// Nothing was read.
    pub const UNKNOWN: Self = Self {
        idle_ms: None,
        unacked_age_us: None,
        user_timeout_ms: None,
        window: None,
        tries: None,
        linger2: None,
        keepalive: None,
        memory_pressure: None,
        signed: None,
        mptcp: None,
    };
}

/// When probes of an idle connection are sent, in seconds; zero for the namespace's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keepalive {
    /// `TCP_KEEPIDLE`: how long nothing came before the first.
    pub time_s: u16,
    /// `TCP_KEEPINTVL`: how long between two.
    pub interval_s: u16,
}

/// What a socket tried without an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// Timeouts of the oldest segment in a row.
    pub retransmits: u8,
    /// Probes of keepalive, or of a closed window.
    pub probes: u8,
    /// Probes `TCP_KEEPCNT` allows; zero for the default.
    pub probes_allowed: u8,
}

/// What refers to the `struct file` of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRefs {
    /// No file: a kernel socket, an orphan, or a connection nobody accepted yet.
    None,
    /// A descriptor is still open.
    Held,
    /// The last descriptor is gone; the file is being released.
    Released,
}
