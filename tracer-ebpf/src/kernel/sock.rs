//! Sockets: identity, flow, condition, and whether the running task holds their lock.

use tracer_common::{
    flow::Flow,
    socket::{Condition, Socket, file, known, sock_flag},
};

use super::{Address, files, has, read};

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
pub(crate) fn is_tcp(sk: Address) -> bool {
    !has(|offsets| &offsets.sk_protocol)
        || read::<u16>(sk, |offsets| &offsets.sk_protocol) == IPPROTO_TCP
}

/// Whether a socket of any family is a TCP socket; a raw one may have TCP's protocol number too.
#[inline(always)]
pub(crate) fn is_stream(sk: Address) -> bool {
    let family: u16 = read(sk, |offsets| &offsets.skc_family);
    let kind: u16 = read(sk, |offsets| &offsets.sk_type);
    matches!(family, AF_INET | AF_INET6) && kind == SOCK_STREAM && is_tcp(sk)
}

/// Whether a task holds the socket's lock: then the running task is in a call on this socket.
///
/// Softirq and timers take the spin lock only and leave `sk_lock.owned` at zero.
#[inline(always)]
pub(crate) fn owned(sk: Address) -> bool {
    read::<u32>(sk, |offsets| &offsets.sk_lock_owned) != 0
}

/// The TCP state.
#[inline(always)]
pub(crate) fn state(sk: Address) -> u32 {
    u32::from(read::<u8>(sk, |offsets| &offsets.skc_state))
}

/// The user the socket belongs to, `u32::MAX` when it cannot be read.
#[inline(always)]
pub(crate) fn uid(sk: Address) -> u32 {
    if has(|offsets| &offsets.sk_uid) {
        read(sk, |offsets| &offsets.sk_uid)
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

/// Describes a full socket. `cookie` is what the kernel made up for it, where the hook could ask.
#[inline(always)]
pub(crate) fn describe(sk: Address, cookie: Option<u64>, socket: &mut Socket) {
    flow(sk, &mut socket.flow);
    socket.address = sk;
    socket.cookie = cookie.unwrap_or_else(|| self::cookie(sk));
    socket.uid = uid(sk);
    socket.state = state(sk);
}

/// The cookie, zero while the kernel has made none; time-wait sockets carry their socket's.
#[inline(always)]
pub(crate) fn cookie(sk: Address) -> u64 {
    read(sk, |offsets| &offsets.skc_cookie)
}

/// Inode number of the network namespace, zero when it cannot be read.
#[inline(always)]
pub(crate) fn netns(sk: Address) -> u32 {
    read(read(sk, |offsets| &offsets.skc_net), |offsets| {
        &offsets.net_inum
    })
}

#[inline(always)]
fn flow(sk: Address, flow: &mut Flow) {
    let family: u16 = read(sk, |offsets| &offsets.skc_family);
    if family == AF_INET6 {
        flow.local = read(sk, |offsets| &offsets.skc_v6_rcv_saddr);
        flow.remote = read(sk, |offsets| &offsets.skc_v6_daddr);
    } else {
        flow.local = v4_mapped(read(sk, |offsets| &offsets.skc_rcv_saddr));
        flow.remote = v4_mapped(read(sk, |offsets| &offsets.skc_daddr));
    }
    // skc_num is zero by the time a reset leaves; inet_sport stays.
    let sport = u16::from_be(read(sk, |offsets| &offsets.inet_sport));
    let num = || read(sk, |offsets| &offsets.skc_num);
    flow.local_port = if sport == 0 { num() } else { sport };
    flow.remote_port = u16::from_be(read(sk, |offsets| &offsets.skc_dport));
    flow.netns = netns(sk);
}

/// `::ffff:a.b.c.d`.
#[inline(always)]
pub(crate) fn v4_mapped([a, b, c, d]: [u8; 4]) -> [u8; 16] {
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
}

/// The next sequence number to write and how much is written but never sent.
#[inline(always)]
pub(crate) fn write_position(sk: Address) -> (u32, u32) {
    let write_seq: u32 = read(sk, |offsets| &offsets.write_seq);
    let snd_nxt: u32 = read(sk, |offsets| &offsets.snd_nxt);
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
pub(crate) fn backlog(sk: Address) -> (u32, u32) {
    let waiting = read(sk, |offsets| &offsets.sk_ack_backlog);
    (waiting, read(sk, |offsets| &offsets.sk_max_ack_backlog))
}

/// [`known::BACKLOG`] where this kernel's BTF tells where both are.
#[inline(always)]
pub(crate) fn backlog_known() -> u32 {
    let has = has(|offsets| &offsets.sk_ack_backlog) && has(|offsets| &offsets.sk_max_ack_backlog);
    if has { known::BACKLOG } else { 0 }
}

/// Whether the last reference to the socket's file is gone, as far as is known.
#[inline(always)]
pub(crate) fn is_released(condition: &Condition) -> bool {
    condition.known & known::FILE != 0 && condition.file == file::RELEASED
}

/// Reads the condition of a full TCP socket.
#[inline(always)]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "flags above bit 31 and jiffies above 2^32 mean nothing here"
)]
pub(crate) fn condition(sk: Address, condition: &mut Condition) {
    let mut known = 0;
    let mut mark = |bit, has| known |= if has { bit } else { 0 };
    receive(sk, condition, &mut mark);
    send(sk, condition, &mut mark);
    mark(known::FLAGS, has(|offsets| &offsets.sk_flags));
    condition.flags = read::<u64>(sk, |offsets| &offsets.sk_flags) as u32;
    mark(known::LINGERTIME, has(|offsets| &offsets.sk_lingertime));
    condition.lingertime = read::<u64>(sk, |offsets| &offsets.sk_lingertime) as u32;
    mark(known::ERR, has(|offsets| &offsets.sk_err));
    condition.err = read(sk, |offsets| &offsets.sk_err);
    mark(known::SHUTDOWN, has(|offsets| &offsets.sk_shutdown));
    condition.shutdown = read(sk, |offsets| &offsets.sk_shutdown);
    let file = has(|offsets| &offsets.sk_socket)
        && has(|offsets| &offsets.socket_file)
        && (has(|offsets| &offsets.file_ref) || has(|offsets| &offsets.file_count));
    mark(known::FILE, file);
    let socket: Address = read(sk, |offsets| &offsets.sk_socket);
    condition.file = if file { file_refs(socket) } else { 0 };
    condition.inode = inode_of(socket);
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
fn receive(sk: Address, condition: &mut Condition, mark: &mut impl FnMut(u32, bool)) {
    let both = has(|offsets| &offsets.rcv_nxt) && has(|offsets| &offsets.copied_seq);
    mark(known::RECEIVE, both);
    condition.rcv_nxt = read(sk, |offsets| &offsets.rcv_nxt);
    let copied_seq: u32 = read(sk, |offsets| &offsets.copied_seq);
    condition.unread = condition.rcv_nxt.wrapping_sub(copied_seq);
    let both = has(|offsets| &offsets.bytes_received) && has(|offsets| &offsets.bytes_acked);
    mark(known::BYTES, both);
    condition.bytes_received = read(sk, |offsets| &offsets.bytes_received);
    condition.bytes_acked = read(sk, |offsets| &offsets.bytes_acked);
}

#[inline(always)]
fn send(sk: Address, condition: &mut Condition, mark: &mut impl FnMut(u32, bool)) {
    let all = has(|offsets| &offsets.write_seq)
        && has(|offsets| &offsets.snd_nxt)
        && has(|offsets| &offsets.snd_una);
    mark(known::SEND, all);
    let snd_una: u32 = read(sk, |offsets| &offsets.snd_una);
    (condition.write_seq, condition.unsent) = write_position(sk);
    condition.unacked = condition.write_seq.wrapping_sub(snd_una);
    mark(known::SRTT, has(|offsets| &offsets.srtt_us));
    condition.srtt_us_8 = read(sk, |offsets| &offsets.srtt_us);
}

/// What refers to the file of a `struct socket`, one of [`file`].
#[inline(always)]
fn file_refs(socket: Address) -> u8 {
    let opened: Address = read(socket, |offsets| &offsets.socket_file);
    if opened == 0 {
        file::NONE
    } else if files::is_held(opened) {
        file::HELD
    } else {
        file::RELEASED
    }
}
