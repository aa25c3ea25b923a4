//! The closed catalogue of causes.

/// Why a connection ended, as far as the rules can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// A process closed the last descriptor; a FIN was sent, or nothing while still connecting.
    AppClose,
    /// A process shut its sending side and keeps the socket.
    AppShutdownWrite,
    /// A descriptor was closed, and another one still refers to the connection.
    CloseOtherHolders,
    /// A process exited or was killed; the kernel closed its sockets.
    ProcessExit,
    /// A close with received data unread; the kernel resets instead of finishing.
    ClosedWithUnreadData,
    /// A close with `SO_LINGER` on and a time of zero.
    LingerZero,
    /// A SYN for a port nobody listens on.
    NoListener,
    /// The peer sent its FIN.
    PeerClosed,
    /// The peer sent an RST.
    PeerReset,
    /// The facts fit no rule.
    Unknown,
}

impl Cause {
    /// Every cause, in the order `finrst explain` lists them.
    pub const ALL: [Self; 10] = [
        Self::AppClose,
        Self::AppShutdownWrite,
        Self::CloseOtherHolders,
        Self::ProcessExit,
        Self::ClosedWithUnreadData,
        Self::LingerZero,
        Self::NoListener,
        Self::PeerClosed,
        Self::PeerReset,
        Self::Unknown,
    ];

    /// The code in output, filters and `finrst explain`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AppClose => "app_close",
            Self::AppShutdownWrite => "app_shutdown_write",
            Self::CloseOtherHolders => "close_other_holders",
            Self::ProcessExit => "process_exit",
            Self::ClosedWithUnreadData => "closed_with_unread_data",
            Self::LingerZero => "linger_zero",
            Self::NoListener => "no_listener",
            Self::PeerClosed => "peer_closed",
            Self::PeerReset => "peer_reset",
            Self::Unknown => "unknown",
        }
    }
}
