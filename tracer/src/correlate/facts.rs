//! Merges what several events say of one socket's condition and flow; newer knowledge wins.

use crate::model::{
    flow::Flow,
    socket::{Condition, Timers},
};

/// `older` with every fact that `newer` knows.
pub(super) fn merged(older: Condition, newer: Condition) -> Condition {
    Condition {
        unread: newer.unread.or(older.unread),
        unacked: newer.unacked.or(older.unacked),
        unsent: newer.unsent.or(older.unsent),
        write_seq: newer.write_seq.or(older.write_seq),
        rcv_nxt: newer.rcv_nxt.or(older.rcv_nxt),
        dead: newer.dead.or(older.dead),
        fin_received: newer.fin_received.or(older.fin_received),
        fin_read: newer.fin_read.or(older.fin_read),
        linger: newer.linger.or(older.linger),
        err: newer.err.or(older.err),
        rtt_us: newer.rtt_us.or(older.rtt_us),
        bytes_acked: newer.bytes_acked.or(older.bytes_acked),
        bytes_received: newer.bytes_received.or(older.bytes_received),
        shutdown: newer.shutdown.or(older.shutdown),
        file: newer.file.or(older.file),
        inode: newer.inode.or(older.inode),
        backlog: newer.backlog.or(older.backlog),
        timers: merged_timers(older.timers, newer.timers),
    }
}

fn merged_timers(older: Timers, newer: Timers) -> Timers {
    Timers {
        idle_ms: newer.idle_ms.or(older.idle_ms),
        unacked_age_us: newer.unacked_age_us.or(older.unacked_age_us),
        user_timeout_ms: newer.user_timeout_ms.or(older.user_timeout_ms),
        window: newer.window.or(older.window),
        tries: newer.tries.or(older.tries),
        linger2: newer.linger2.or(older.linger2),
        keepalive: newer.keepalive.or(older.keepalive),
        memory_pressure: newer.memory_pressure.or(older.memory_pressure),
        signed: newer.signed.or(older.signed),
        mptcp: newer.mptcp.or(older.mptcp),
    }
}

/// The flow as it was while connected.
///
/// The kernel picks the local port only after it has announced `SYN_SENT` (`tcp_v4_connect`), and
/// `tcp_disconnect` takes the remote end away, so the flow with more ports known wins.
pub(super) fn connected(older: Flow, newer: Flow) -> Flow {
    let ports = |flow: Flow| u8::from(flow.local.port() != 0) + u8::from(flow.remote.port() != 0);
    let (mut flow, other) = if ports(newer) >= ports(older) {
        (newer, older)
    } else {
        (older, newer)
    };
    flow.netns = flow.netns.or(other.netns);
    flow
}
