//! Sockets: identity, flow, condition, and whether the running task holds their lock.

use tracer_common::socket::{Condition, Socket, file, known, sock_flag};

use super::{Address, Structure, files, has, read};

mod flow;

pub(crate) use flow::{Halves, addresses, flow, local_port, netns, remote_port, v4_mapped};

/// `AF_INET6`, `include/linux/socket.h`.
const AF_INET6: u16 = 10;
/// `IPPROTO_TCP`, `include/uapi/linux/in.h`.
const IPPROTO_TCP: u16 = 6;
/// `AF_INET`, likewise.
const AF_INET: u16 = 2;
/// `SOCK_STREAM`, `include/linux/net.h`.
const SOCK_STREAM: u16 = 1;

/// Whether this is a TCP socket: MPTCP and SCTP report their state changes at the same place.
#[inline(always)]
pub(crate) fn is_tcp(sk: impl Structure) -> bool {
    !has(|offsets| &offsets.sk_protocol)
        || sk.field::<u16>(|offsets| &offsets.sk_protocol) == IPPROTO_TCP
}

/// Whether a socket of any family is a TCP socket; a raw one may have TCP's protocol number too.
#[inline(always)]
pub(crate) fn is_stream(sk: impl Structure) -> bool {
    let family: u16 = sk.field(|offsets| &offsets.skc_family);
    let kind: u16 = sk.field(|offsets| &offsets.sk_type);
    matches!(family, AF_INET | AF_INET6) && kind == SOCK_STREAM && is_tcp(sk)
}

/// Whether a task holds the socket's lock: then the running task is in a call on this socket.
///
/// Softirq and timers take the spin lock only and leave `sk_lock.owned` at zero.
#[inline(always)]
pub(crate) fn owned(sk: impl Structure) -> bool {
    sk.field::<u32>(|offsets| &offsets.sk_lock_owned) != 0
}

/// The TCP state.
#[inline(always)]
pub(crate) fn state(sk: impl Structure) -> u32 {
    u32::from(sk.field::<u8>(|offsets| &offsets.skc_state))
}

/// The user the socket belongs to, `u32::MAX` when it cannot be read.
#[inline(always)]
pub(crate) fn uid(sk: impl Structure) -> u32 {
    if has(|offsets| &offsets.sk_uid) {
        sk.field(|offsets| &offsets.sk_uid)
    } else {
        u32::MAX
    }
}

/// Whether nobody accepted this connection yet: it is in no socket and yet no orphan.
#[inline(always)]
pub(crate) fn unaccepted(condition: &Condition) -> bool {
    condition.known & (known::FILE | known::FLAGS) == known::FILE | known::FLAGS
        && condition.file == file::NONE
        && condition.flags & sock_flag::DEAD == 0
}

/// Describes a full socket.
#[inline(always)]
pub(crate) fn describe(sk: impl Structure, socket: &mut Socket) {
    flow(sk, &mut socket.flow);
    socket.address = sk.address();
    socket.cookie = cookie(sk);
    socket.uid = uid(sk);
    socket.state = state(sk);
}

/// As [`describe`]; a socket without a cookie gets the one the kernel makes up when asked.
#[inline(always)]
pub(crate) fn identify(sk: impl Structure, cookie: impl FnOnce() -> u64, socket: &mut Socket) {
    describe(sk, socket);
    if socket.cookie == 0 {
        socket.cookie = cookie();
    }
}

/// The cookie, zero while the kernel has made none; time-wait sockets carry their socket's.
#[inline(always)]
pub(crate) fn cookie(sk: impl Structure) -> u64 {
    sk.field(|offsets| &offsets.skc_cookie)
}

/// The next sequence number to write and how much is written but never sent.
#[inline(always)]
pub(crate) fn write_position(sk: impl Structure) -> (u32, u32) {
    let write_seq: u32 = sk.field(|offsets| &offsets.write_seq);
    let snd_nxt: u32 = sk.field(|offsets| &offsets.snd_nxt);
    let unsent = write_seq.wrapping_sub(snd_nxt);
    (
        write_seq,
        if has(|offsets| &offsets.snd_nxt) {
            unsent
        } else {
            0
        },
    )
}

/// Connections a listener has waiting, and how many may wait.
#[inline(always)]
pub(crate) fn backlog(sk: impl Structure) -> (u32, u32) {
    let waiting = sk.field(|offsets| &offsets.sk_ack_backlog);
    (waiting, sk.field(|offsets| &offsets.sk_max_ack_backlog))
}

/// [`known::BACKLOG`] where this kernel's BTF tells where both are.
#[inline(always)]
pub(crate) fn backlog_known() -> u32 {
    let has = has(|offsets| &offsets.sk_ack_backlog) && has(|offsets| &offsets.sk_max_ack_backlog);
    if has { known::BACKLOG } else { 0 }
}

/// What still refers to the socket's file, one of [`file`]; nothing where that cannot be known.
#[inline(always)]
pub(crate) fn file(sk: impl Structure) -> u8 {
    sk.follow(|offsets| &offsets.sk_socket)
        .and_then(|socket| socket.follow(|offsets| &offsets.socket_file))
        .map_or(file::NONE, references)
}

/// Whether no process refers to it any more.
#[inline(always)]
pub(crate) fn is_dead(sk: impl Structure) -> bool {
    has_flag(sk, sock_flag::DEAD)
}

/// Whether nobody accepted it, if it is no orphan.
#[inline(always)]
pub(crate) fn is_unaccepted(sk: impl Structure) -> bool {
    sk.field::<Address>(|offsets| &offsets.sk_socket) == 0
}

/// Whether a close waits until its FIN is acknowledged.
#[inline(always)]
pub(crate) fn lingers(sk: impl Structure) -> bool {
    has_flag(sk, sock_flag::LINGER) && sk.field::<u64>(|offsets| &offsets.sk_lingertime) != 0
}

/// Whether `TCP_LINGER2` forbids to wait for the peer's FIN.
#[inline(always)]
pub(crate) fn never_waits(sk: impl Structure) -> bool {
    sk.field::<i32>(|offsets| &offsets.linger2) < 0
}

#[inline(always)]
fn has_flag(sk: impl Structure, flag: u16) -> bool {
    sk.field::<u64>(|offsets| &offsets.sk_flags) & u64::from(flag) != 0
}

/// Whether the last reference to the socket's file is gone, as far as is known.
#[inline(always)]
pub(crate) fn is_released(condition: &Condition) -> bool {
    condition.known & known::FILE != 0 && condition.file == file::RELEASED
}

/// Reads the condition of a full TCP socket.
#[inline(always)]
pub(crate) fn condition(sk: impl Structure, condition: &mut Condition) {
    holding(sk, condition);
    moving(sk, condition);
}

/// Reads what was received and sent, and how far that came.
#[inline(always)]
pub(crate) fn moving(sk: impl Structure, condition: &mut Condition) {
    let mut known = condition.known;
    let mut mark = |bit, has| known |= if has { bit } else { 0 };
    receive(sk, condition, &mut mark);
    send(sk, condition, &mut mark);
    condition.known = known;
}

/// Reads what tells whose the socket is, and what became of it.
#[inline(always)]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "flags above bit 15 and jiffies above 2^32 mean nothing here, and an errno is below 4,096"
)]
pub(crate) fn holding(sk: impl Structure, condition: &mut Condition) {
    let mut known = condition.known;
    let mut mark = |bit, has| known |= if has { bit } else { 0 };
    mark(known::FLAGS, has(|offsets| &offsets.sk_flags));
    condition.flags = sk.field::<u64>(|offsets| &offsets.sk_flags) as u16;
    mark(known::LINGERTIME, has(|offsets| &offsets.sk_lingertime));
    condition.lingertime = sk.field::<u64>(|offsets| &offsets.sk_lingertime) as u32;
    mark(known::ERR, has(|offsets| &offsets.sk_err));
    condition.err = sk.field::<u32>(|offsets| &offsets.sk_err) as u16;
    mark(known::SHUTDOWN, has(|offsets| &offsets.sk_shutdown));
    condition.shutdown = sk.field(|offsets| &offsets.sk_shutdown);
    let file = has(|offsets| &offsets.sk_socket)
        && has(|offsets| &offsets.socket_file)
        && (has(|offsets| &offsets.file_ref) || has(|offsets| &offsets.file_count));
    mark(known::FILE, file);
    condition.file = if file { self::file(sk) } else { 0 };
    condition.inode = inode_of(sk.field(|offsets| &offsets.sk_socket));
    mark(known::INODE, condition.inode != 0);
    condition.known = known;
}

/// Number of the inode a `struct socket` lies beside; zero when there is none, or unknown.
#[inline(always)]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "sockets are numbered by get_next_ino, `fs/inode.c`, in 32 bits"
)]
pub(crate) fn inode_of(socket: Address) -> u32 {
    read::<u64>(socket, |offsets| &offsets.socket_inode) as u32
}

#[inline(always)]
fn receive(sk: impl Structure, condition: &mut Condition, mark: &mut impl FnMut(u32, bool)) {
    let both = has(|offsets| &offsets.rcv_nxt) && has(|offsets| &offsets.copied_seq);
    mark(known::RECEIVE, both);
    condition.rcv_nxt = sk.field(|offsets| &offsets.rcv_nxt);
    let copied_seq: u32 = sk.field(|offsets| &offsets.copied_seq);
    condition.unread = condition.rcv_nxt.wrapping_sub(copied_seq);
    let both = has(|offsets| &offsets.bytes_received) && has(|offsets| &offsets.bytes_acked);
    mark(known::BYTES, both);
    condition.bytes_received = sk.field(|offsets| &offsets.bytes_received);
    condition.bytes_acked = sk.field(|offsets| &offsets.bytes_acked);
}

#[inline(always)]
fn send(sk: impl Structure, condition: &mut Condition, mark: &mut impl FnMut(u32, bool)) {
    let all = has(|offsets| &offsets.write_seq)
        && has(|offsets| &offsets.snd_nxt)
        && has(|offsets| &offsets.snd_una);
    mark(known::SEND, all);
    let snd_una: u32 = sk.field(|offsets| &offsets.snd_una);
    (condition.write_seq, condition.unsent) = write_position(sk);
    condition.unacked = condition.write_seq.wrapping_sub(snd_una);
    mark(known::SRTT, has(|offsets| &offsets.srtt_us));
    condition.srtt_us_8 = sk.field(|offsets| &offsets.srtt_us);
}

/// What refers to a file, one of [`file`].
#[inline(always)]
fn references(opened: impl Structure) -> u8 {
    if opened.address() == 0 {
        file::NONE
    } else if files::is_held(opened) {
        file::HELD
    } else {
        file::RELEASED
    }
}
