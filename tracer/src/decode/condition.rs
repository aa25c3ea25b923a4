//! The condition of a socket off the wire: what was not read becomes `None`, nothing is inferred.

use tracer_common::socket::{self as wire, extra, file, known, sock_flag};

use crate::model::socket::{Condition, FileRefs, Keepalive, Timers, Tries};

/// Reads a condition; a field whose bit in `known` is clear is `None`, whatever its bytes say.
pub(super) fn condition(raw: &wire::Condition) -> Condition {
    let has = |bit: u32| raw.known & bit != 0;
    let flags = has(known::FLAGS).then_some(raw.flags);
    let fin_received = flags.map(|flags| flags & sock_flag::DONE != 0);
    let lingertime = has(known::LINGERTIME).then_some(Some(raw.lingertime));
    Condition {
        unread: has(known::RECEIVE).then(|| payload_unread(raw.unread, fin_received)),
        unacked: has(known::SEND).then_some(raw.unacked),
        unsent: has(known::SEND).then_some(raw.unsent),
        write_seq: has(known::SEND).then_some(raw.write_seq),
        rcv_nxt: has(known::RECEIVE).then_some(raw.rcv_nxt),
        dead: flags.map(|flags| flags & sock_flag::DEAD != 0),
        fin_received,
        // Read or not, the FIN takes a number (`tcp_recvmsg_locked`, `net/ipv4/tcp.c`).
        fin_read: fin_received
            .filter(|_| has(known::RECEIVE))
            .map(|received| received && raw.unread == 0),
        linger: match flags.map(|flags| flags & sock_flag::LINGER != 0) {
            None => None,
            Some(false) => Some(None),
            Some(true) => lingertime,
        },
        err: has(known::ERR).then(|| raw.err.into()),
        rtt_us: has(known::SRTT).then(|| rtt_us(raw.srtt_us_8)).flatten(),
        bytes_acked: has(known::BYTES).then_some(raw.bytes_acked),
        bytes_received: has(known::BYTES).then_some(raw.bytes_received),
        shutdown: has(known::SHUTDOWN).then_some((raw.shutdown & 1 != 0, raw.shutdown & 2 != 0)),
        file: has(known::FILE).then(|| file_refs(raw.file)).flatten(),
        inode: (has(known::INODE) && raw.inode != 0).then_some(raw.inode),
        backlog: None,
        timers: timers(raw),
    }
}

fn timers(raw: &wire::Condition) -> Timers {
    let has = |bits: u32| raw.known & bits == bits;
    let it = &raw.timers;
    Timers {
        idle_ms: has(known::IDLE).then_some(it.idle_ms),
        unacked_age_us: has(known::UNACKED_AGE).then_some(it.unacked_age_us),
        user_timeout_ms: has(known::USER_TIMEOUT).then_some(it.user_timeout_ms),
        window: has(known::WINDOW).then_some(it.window),
        tries: has(known::TRIES).then_some(Tries {
            retransmits: it.retransmits,
            probes: it.probes_out,
            probes_allowed: it.keepalive_probes,
        }),
        linger2: has(known::LINGER2).then_some(it.linger2),
        keepalive: has(known::KEEPALIVE | known::FLAGS).then(|| {
            (raw.flags & sock_flag::KEEPOPEN != 0).then_some(Keepalive {
                time_s: raw.keepalive_time_s,
                interval_s: raw.keepalive_interval_s,
            })
        }),
        memory_pressure: has(known::MEMORY_PRESSURE)
            .then_some(raw.extra & extra::MEMORY_PRESSURE != 0),
        signed: has(known::SIGNED).then_some(raw.extra & extra::SIGNED != 0),
        mptcp: has(known::MPTCP).then_some(raw.extra & extra::MPTCP != 0),
    }
}

/// Takes a received FIN off the sequence space not read, as `tcp_inq` of `include/net/tcp.h` does.
///
/// Where the flags could not be read the FIN stays in: one byte too many at most.
const fn payload_unread(unread: u32, fin_received: Option<bool>) -> u32 {
    match fin_received {
        Some(true) => unread.saturating_sub(1),
        Some(false) | None => unread,
    }
}

/// Microseconds of a smoothed round trip; zero on the wire means none was measured yet.
fn rtt_us(srtt_us_8: u32) -> Option<u32> {
    (srtt_us_8 != 0).then_some(srtt_us_8 >> 3)
}

/// What refers to the file; `None` for a value this build does not know.
const fn file_refs(raw: u8) -> Option<FileRefs> {
    match raw {
        file::NONE => Some(FileRefs::None),
        file::HELD => Some(FileRefs::Held),
        file::RELEASED => Some(FileRefs::Released),
        _ => None,
    }
}
