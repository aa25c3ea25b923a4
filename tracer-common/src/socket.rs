//! The socket an event happened on: which one, and in what condition.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{flow::Flow, layout::assert_layout};

/// Which socket: its flow and what identifies the kernel object.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Socket {
    /// Both ends.
    pub flow: Flow,
    /// Address of the `struct sock`; reused by the kernel, so only a hint beside `cookie`.
    pub address: u64,
    /// Socket cookie, unique per boot; zero when the kernel had not made one yet.
    pub cookie: u64,
    /// User id the socket belongs to (`sk_uid`); `u32::MAX` when it could not be read.
    pub uid: u32,
    /// `skc_state` at the hook, a `TCP_*` value of `include/net/tcp_states.h`.
    pub state: u32,
}

assert_layout!(Socket, size = 64, { flow: 0, address: 40, cookie: 48, uid: 56, state: 60 });

/// The condition of a full TCP socket at the hook; [`Condition::known`] says which fields were read.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Condition {
    /// Bits of [`known`]: a field whose bit is clear holds zero and means nothing.
    pub known: u32,
    /// `rcv_nxt - copied_seq`, bytes received and not read; includes one for a received FIN.
    pub unread: u32,
    /// `write_seq - snd_una`, bytes written and not acknowledged; includes one for a queued FIN.
    pub unacked: u32,
    /// `write_seq - snd_nxt`, bytes written and never sent.
    pub unsent: u32,
    /// `write_seq`, the sequence number the next byte (or the FIN) gets; host byte order.
    pub write_seq: u32,
    /// `rcv_nxt`, the next sequence number expected; host byte order.
    pub rcv_nxt: u32,
    /// Low 16 bits of `sk_flags`, `enum sock_flags` of `include/net/sock.h`: [`sock_flag`].
    pub flags: u16,
    /// `keepalive_intvl`, seconds of `TCP_KEEPINTVL`; zero for the namespace's default.
    pub keepalive_interval_s: u16,
    /// `sk_lingertime` in jiffies; zero with the LINGER flag set means reset on close.
    pub lingertime: u32,
    /// `sk_err`, a positive errno; zero for none.
    pub err: u16,
    /// `keepalive_time`, seconds of `TCP_KEEPIDLE`; zero for the namespace's default.
    pub keepalive_time_s: u16,
    /// `srtt_us`, the smoothed round trip time in microseconds times eight.
    pub srtt_us_8: u32,
    /// `bytes_acked`, payload bytes the peer acknowledged.
    pub bytes_acked: u64,
    /// `bytes_received`, payload bytes received in order.
    pub bytes_received: u64,
    /// `sk_shutdown`: bit 0 `RCV_SHUTDOWN`, bit 1 `SEND_SHUTDOWN`.
    pub shutdown: u8,
    /// One of [`file`]: what still refers to the socket's `struct file`.
    pub file: u8,
    /// Bits of [`extra`].
    pub extra: u8,
    /// Explicit padding, always zero.
    pub reserved: u8,
    /// Number of the socket's inode (`socket:[N]` in `/proc/PID/fd`), while it has a descriptor.
    pub inode: u32,
    /// What its timers and the peer's silence say.
    pub timers: Timers,
}

assert_layout!(Condition, size = 88, {
    known: 0, unread: 4, unacked: 8, unsent: 12, write_seq: 16, rcv_nxt: 20, flags: 24,
    keepalive_interval_s: 26, lingertime: 28, err: 32, keepalive_time_s: 34, srtt_us_8: 36, bytes_acked: 40, bytes_received: 48, shutdown: 56,
    file: 57, extra: 58, reserved: 59, inode: 60, timers: 64,
});

/// What the timers of a socket say; read only of a connection that ends by an RST or an error.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Timers {
    /// Milliseconds since data was last sent or received (`lsndtime`, `icsk_ack.lrcvtime`).
    pub idle_ms: u32,
    /// Microseconds since a segment left that is not acknowledged, one of them (the root of
    /// `tcp_rtx_queue`), at most `u32::MAX`; zero when there is none.
    pub unacked_age_us: u32,
    /// `icsk_user_timeout`, milliseconds of `TCP_USER_TIMEOUT`; zero when it is not set.
    pub user_timeout_ms: u32,
    /// `snd_wnd`, bytes the peer has room for.
    pub window: u32,
    /// `icsk_retransmits`, how often the oldest segment was sent again for want of an answer.
    pub retransmits: u8,
    /// `icsk_probes_out`, probes of keepalive or of a closed window without an answer.
    pub probes_out: u8,
    /// `keepalive_probes`, probes allowed by `TCP_KEEPCNT`; zero for the namespace's default.
    pub keepalive_probes: u8,
    /// Explicit padding, always zero.
    pub reserved: u8,
    /// `linger2`, jiffies of `TCP_LINGER2`; zero for the namespace's default, negative for none.
    pub linger2: i32,
}

assert_layout!(Timers, size = 24, {
    idle_ms: 0, unacked_age_us: 4, user_timeout_ms: 8, window: 12, retransmits: 16, probes_out: 17,
    keepalive_probes: 18, reserved: 19, linger2: 20,
});

/// Bits of [`Condition::extra`].
pub mod extra {
    /// Segments are signed: the socket has keys of TCP-MD5 (RFC 2385) or TCP-AO (RFC 5925).
    pub const SIGNED: u8 = 1;
    /// The socket is a subflow of Multipath TCP (RFC 8684).
    pub const MPTCP: u8 = 1 << 1;
    /// The memory of all TCP sockets together was above `net.ipv4.tcp_mem`'s pressure mark, and not yet below
    /// the low one again (`tcp_enter_memory_pressure`, `net/ipv4/tcp.c`).
    pub const MEMORY_PRESSURE: u8 = 1 << 2;
}

/// Bits of [`Condition::known`].
pub mod known {
    /// `unread` and `rcv_nxt` were read.
    pub const RECEIVE: u32 = 1;
    /// `unacked`, `unsent` and `write_seq` were read.
    pub const SEND: u32 = 1 << 1;
    /// `flags` was read.
    pub const FLAGS: u32 = 1 << 2;
    /// `lingertime` was read.
    pub const LINGERTIME: u32 = 1 << 3;
    /// `err` was read.
    pub const ERR: u32 = 1 << 4;
    /// `srtt_us_8` was read.
    pub const SRTT: u32 = 1 << 5;
    /// `bytes_acked` and `bytes_received` were read.
    pub const BYTES: u32 = 1 << 6;
    /// `shutdown` was read.
    pub const SHUTDOWN: u32 = 1 << 7;
    /// `file` was read.
    pub const FILE: u32 = 1 << 8;
    /// `inode` was read, and is not zero.
    pub const INODE: u32 = 1 << 9;
    /// `timers.idle_ms` was read.
    pub const IDLE: u32 = 1 << 10;
    /// `timers.unacked_age_us` was read.
    pub const UNACKED_AGE: u32 = 1 << 11;
    /// `timers.user_timeout_ms` was read.
    pub const USER_TIMEOUT: u32 = 1 << 12;
    /// `timers.window` was read.
    pub const WINDOW: u32 = 1 << 13;
    /// `timers.retransmits`, `timers.probes_out` and `timers.keepalive_probes` were read.
    pub const TRIES: u32 = 1 << 14;
    /// `timers.linger2` was read.
    pub const LINGER2: u32 = 1 << 15;
    /// [`extra::SIGNED`] was read.
    pub const SIGNED: u32 = 1 << 16;
    /// [`extra::MPTCP`] was read.
    pub const MPTCP: u32 = 1 << 17;
    /// The length of a listener's queue was read, in records that carry it.
    pub const BACKLOG: u32 = 1 << 18;
    /// `keepalive_time_s` and `keepalive_interval_s` were read.
    pub const KEEPALIVE: u32 = 1 << 19;
    /// [`extra::MEMORY_PRESSURE`] was read.
    pub const MEMORY_PRESSURE: u32 = 1 << 20;
}

/// Values of [`Condition::file`].
pub mod file {
    /// No file: a kernel socket, an orphan, or a connection nobody accepted yet.
    pub const NONE: u8 = 0;
    /// At least one reference is held: the call is not the release of the last descriptor.
    pub const HELD: u8 = 1;
    /// The last reference is gone: the file is being released.
    pub const RELEASED: u8 = 2;
}

/// Bits of [`Condition::flags`] (`enum sock_flags`, unchanged from 5.4 to 7.3).
pub mod sock_flag {
    /// The socket is an orphan: no process refers to it any more.
    pub const DEAD: u16 = 1;
    /// A FIN was received.
    pub const DONE: u16 = 1 << 1;
    /// `SO_KEEPALIVE` is on.
    pub const KEEPOPEN: u16 = 1 << 3;
    /// `SO_LINGER` is on.
    pub const LINGER: u16 = 1 << 4;
}
