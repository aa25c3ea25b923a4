//! The closed catalogue of causes.

/// Declares [`Cause`] with its codes, in the order `finrst explain` lists them.
macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)+) => {
        /// Why a connection ended, as far as the rules can tell.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Cause {
            $($(#[$doc])* $name,)+
        }

        impl Cause {
            /// Every cause, in the order `finrst explain` lists them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code in output, filters and `finrst explain`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }
        }
    };
}

causes! {
    /// A process closed the last descriptor; a FIN was sent, or nothing while still connecting.
    AppClose = "app_close";
    /// A process shut its sending side and keeps the socket.
    AppShutdownWrite = "app_shutdown_write";
    /// A descriptor was closed, and another one still refers to the connection.
    CloseOtherHolders = "close_other_holders";
    /// A process exited or was killed; the kernel closed its sockets.
    ProcessExit = "process_exit";
    /// A process executed another program, and close-on-exec closed the socket.
    ExecCloexec = "exec_cloexec";
    /// A process closed, and the peer's FIN crossed ours on the way.
    SimultaneousClose = "simultaneous_close";
    /// A process closed with data unsent, and the FIN had to wait behind it.
    FinDelayedByUnsentData = "fin_delayed_by_unsent_data";
    /// A close waited in the kernel, as `SO_LINGER` with a time asks for.
    LingerWait = "linger_wait";
    /// A close with received data unread; the kernel resets instead of finishing.
    ClosedWithUnreadData = "closed_with_unread_data";
    /// A process ended with received data unread; the kernel resets.
    ProcessExitWithUnreadData = "process_exit_with_unread_data";
    /// A close with `SO_LINGER` on and a time of zero.
    LingerZero = "linger_zero";
    /// A process dropped the connection by `connect(AF_UNSPEC)` and keeps the socket.
    Disconnect = "disconnect";
    /// A listener was closed with this connection in its queue.
    ListenerClosed = "listener_closed";
    /// Somebody destroyed the socket from outside (`SOCK_DESTROY`, `ss -K`).
    SocketDestroyed = "socket_destroyed";
    /// A socket under repair was closed, which sends nothing.
    TcpRepair = "tcp_repair";
    /// Keepalive probes stayed without an answer.
    KeepaliveTimeout = "keepalive_timeout";
    /// `TCP_USER_TIMEOUT` ran out.
    UserTimeout = "user_timeout";
    /// A closed socket was given up for want of memory, or as one orphan too many.
    OrphanPressure = "orphan_pressure";
    /// A closed socket was reset instead of waiting for the peer's FIN.
    FinWait2Timeout = "fin_wait2_timeout";
    /// A SYN for a port nobody listens on.
    NoListener = "no_listener";
    /// A segment for a connection that is not there.
    StraySegment = "stray_segment";
    /// Data came for a socket nobody reads any more.
    DataAfterClose = "data_after_close";
    /// A SYN met the stand-in of a connection that has not ended yet.
    TimeWaitViolation = "time_wait_violation";
    /// A closed connection was to be kept in `FIN_WAIT2` or `TIME_WAIT`, and there was no room.
    TimeWaitOverflow = "time_wait_overflow";
    /// A segment did not fit the handshake under way.
    BadHandshakeAck = "bad_handshake_ack";
    /// A handshake was completed, and the listener's queue was full.
    AcceptQueueOverflow = "accept_queue_overflow";
    /// A handshake's answer carried a timestamp that was never sent.
    PawsOrSequence = "paws_or_sequence";
    /// Nobody answers a socket whose segments are signed.
    Md5OrAo = "md5_or_ao";
    /// Multipath TCP closed all paths at once.
    MptcpFastclose = "mptcp_fastclose";
    /// Multipath TCP reset one path, or refused it.
    MptcpReset = "mptcp_reset";
    /// An RST left that TCP did not send: a firewall rejected a segment.
    NetfilterReject = "netfilter_reject";
    /// The peer sent its FIN.
    PeerClosed = "peer_closed";
    /// The peer sent its FIN, and the program took its time to close.
    SlowReaction = "slow_reaction";
    /// The peer sent its FIN, and the program never closed.
    CloseWaitLeak = "close_wait_leak";
    /// The peer sent an RST.
    PeerReset = "peer_reset";
    /// The peer answered the SYN with an RST.
    Refused = "refused";
    /// The program wrote to a peer that had closed, and was reset.
    WroteAfterPeerClose = "wrote_after_peer_close";
    /// The peer reset a connection over which nothing had been sent for a while.
    ResetWhileIdle = "reset_while_idle";
    /// Data was sent again and again and never acknowledged.
    RetransmissionsExhausted = "retransmissions_exhausted";
    /// The peer's window stayed closed and probes went without an answer.
    ZeroWindowTimeout = "zero_window_timeout";
    /// No SYN was answered.
    ConnectTimeout = "connect_timeout";
    /// The network said that the peer cannot be reached.
    Unreachable = "unreachable";
    /// A half-closed connection was given up without the peer's FIN.
    FinWait2Stuck = "fin_wait2_stuck";
    /// A closed socket was given up with its FIN or data not acknowledged.
    Orphaned = "orphaned";
    /// The facts fit no rule.
    Unknown = "unknown";
}

impl Cause {
    /// The cause with this code; `None` when there is none.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|cause| cause.code() == code)
    }
}
