//! Sockets: identity, flow, condition, and whether the running task holds their lock.

use tracer_common::{
    flow::Flow,
    socket::{Condition, Socket, file, known, sock_flag},
};

use super::{Address, read};

/// `AF_INET6`, `include/linux/socket.h`.
const AF_INET6: u16 = 10;
/// `IPPROTO_TCP`, `include/uapi/linux/in.h`.
const IPPROTO_TCP: u16 = 6;
/// Set in a dead `f_ref` (`FILE_REF_DEAD` and above, `include/linux/file_ref.h`, 6.13).
const FILE_REF_DEAD: u64 = 0xC000_0000_0000_0000;

/// Whether this is a TCP socket: MPTCP and SCTP report their state changes at the same place.
#[inline(always)]
pub(crate) fn is_tcp(sk: Address) -> bool {
    read(sk, |offsets| &offsets.sk_protocol).is_none_or(|protocol: u16| protocol == IPPROTO_TCP)
}

/// Whether a task holds the socket's lock: then the running task is in a call on this socket.
///
/// Softirq and timers take the spin lock only and leave `sk_lock.owned` at zero.
#[inline(always)]
pub(crate) fn owned(sk: Address) -> bool {
    read(sk, |offsets| &offsets.sk_lock_owned).unwrap_or(0_u32) != 0
}

/// The TCP state.
#[inline(always)]
pub(crate) fn state(sk: Address) -> u32 {
    u32::from(read(sk, |offsets| &offsets.skc_state).unwrap_or(0_u8))
}

/// The user the socket belongs to, `u32::MAX` when it cannot be read.
#[inline(always)]
pub(crate) fn uid(sk: Address) -> u32 {
    read(sk, |offsets| &offsets.sk_uid).unwrap_or(u32::MAX)
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
    read(sk, |offsets| &offsets.skc_cookie).unwrap_or(0)
}

/// Inode number of the network namespace, zero when it cannot be read.
#[inline(always)]
pub(crate) fn netns(sk: Address) -> u32 {
    read(sk, |offsets| &offsets.skc_net)
        .and_then(|net| read(net, |offsets| &offsets.net_inum))
        .unwrap_or(0)
}

#[inline(always)]
fn flow(sk: Address, flow: &mut Flow) {
    let family: u16 = read(sk, |offsets| &offsets.skc_family).unwrap_or(0);
    if family == AF_INET6 {
        flow.local = read(sk, |offsets| &offsets.skc_v6_rcv_saddr).unwrap_or_default();
        flow.remote = read(sk, |offsets| &offsets.skc_v6_daddr).unwrap_or_default();
    } else {
        flow.local = v4_mapped(read(sk, |offsets| &offsets.skc_rcv_saddr).unwrap_or_default());
        flow.remote = v4_mapped(read(sk, |offsets| &offsets.skc_daddr).unwrap_or_default());
    }
    // skc_num is zero by the time a reset leaves; inet_sport stays.
    let sport = u16::from_be(read(sk, |offsets| &offsets.inet_sport).unwrap_or(0));
    let num = || read(sk, |offsets| &offsets.skc_num).unwrap_or(0);
    flow.local_port = if sport == 0 { num() } else { sport };
    flow.remote_port = u16::from_be(read(sk, |offsets| &offsets.skc_dport).unwrap_or(0));
    flow.netns = netns(sk);
}

/// `::ffff:a.b.c.d`.
#[inline(always)]
pub(crate) fn v4_mapped([a, b, c, d]: [u8; 4]) -> [u8; 16] {
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
}

/// The next sequence number to write and how much is written but never sent.
#[inline(always)]
pub(crate) fn write_position(sk: Address) -> Option<(u32, u32)> {
    let write_seq: u32 = read(sk, |offsets| &offsets.write_seq)?;
    let snd_nxt: u32 = read(sk, |offsets| &offsets.snd_nxt)?;
    Some((write_seq, write_seq.wrapping_sub(snd_nxt)))
}

/// Reads the condition of a full TCP socket.
#[inline(always)]
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "flags above bit 31 and jiffies above 2^32 mean nothing here")]
pub(crate) fn condition(sk: Address, condition: &mut Condition) {
    receive(sk, condition);
    send(sk, condition);
    if let Some(flags) = read::<u64>(sk, |offsets| &offsets.sk_flags) {
        condition.flags = flags as u32;
        condition.known |= known::FLAGS;
        if condition.flags & sock_flag::LINGER != 0 {
            linger(sk, condition);
        }
    }
    if let Some(err) = read(sk, |offsets| &offsets.sk_err) {
        condition.err = err;
        condition.known |= known::ERR;
    }
    if let Some(shutdown) = read(sk, |offsets| &offsets.sk_shutdown) {
        condition.shutdown = shutdown;
        condition.known |= known::SHUTDOWN;
    }
    if let Some(refs) = file_refs(sk) {
        condition.file = refs;
        condition.known |= known::FILE;
    }
}

#[inline(always)]
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "jiffies of at most 2^31 seconds")]
fn linger(sk: Address, condition: &mut Condition) {
    if let Some(jiffies) = read::<u64>(sk, |offsets| &offsets.sk_lingertime) {
        condition.lingertime = jiffies as u32;
        condition.known |= known::LINGERTIME;
    }
}

#[inline(always)]
fn receive(sk: Address, condition: &mut Condition) {
    let rcv_nxt = read::<u32>(sk, |offsets| &offsets.rcv_nxt);
    let copied_seq = read::<u32>(sk, |offsets| &offsets.copied_seq);
    if let (Some(rcv_nxt), Some(copied_seq)) = (rcv_nxt, copied_seq) {
        condition.rcv_nxt = rcv_nxt;
        condition.unread = rcv_nxt.wrapping_sub(copied_seq);
        condition.known |= known::RECEIVE;
    }
    let received = read(sk, |offsets| &offsets.bytes_received);
    let acked = read(sk, |offsets| &offsets.bytes_acked);
    if let (Some(received), Some(acked)) = (received, acked) {
        condition.bytes_received = received;
        condition.bytes_acked = acked;
        condition.known |= known::BYTES;
    }
}

#[inline(always)]
fn send(sk: Address, condition: &mut Condition) {
    let snd_una = read::<u32>(sk, |offsets| &offsets.snd_una);
    if let (Some((write_seq, unsent)), Some(snd_una)) = (write_position(sk), snd_una) {
        condition.write_seq = write_seq;
        condition.unsent = unsent;
        condition.unacked = write_seq.wrapping_sub(snd_una);
        condition.known |= known::SEND;
    }
    if let Some(srtt) = read(sk, |offsets| &offsets.srtt_us) {
        condition.srtt_us_8 = srtt;
        condition.known |= known::SRTT;
    }
}

/// What refers to the socket's file, one of [`file`].
///
/// At the release of the last descriptor the count is zero (before 6.13) or dead (since), because
/// `__fput` runs after the count went down; a call on a live descriptor finds it held.
#[inline(always)]
fn file_refs(sk: Address) -> Option<u8> {
    let socket: Address = read(sk, |offsets| &offsets.sk_socket)?;
    if socket == 0 {
        return Some(file::NONE);
    }
    let opened: Address = read(socket, |offsets| &offsets.socket_file)?;
    if opened == 0 {
        return Some(file::NONE);
    }
    let held = match read::<u64>(opened, |offsets| &offsets.file_ref) {
        Some(count) => count < FILE_REF_DEAD,
        None => read::<u64>(opened, |offsets| &offsets.file_count)? != 0,
    };
    Some(if held { file::HELD } else { file::RELEASED })
}
