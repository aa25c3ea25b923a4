//! Merges what several events say of one socket's condition and flow; newer knowledge wins.

use crate::model::{
    flow::Flow,
    socket::{Condition, Timers},
};

/// Takes over what the newer one of two knows, of every field there is.
macro_rules! take_over {
    ($kind:ident { $($field:ident),* $(; $apart:ident)? }, $into:ident, $newer:ident) => {
        let $kind { $($field,)* $($apart)? } = $newer;
        $(if $field.is_some() {
            $into.$field = *$field;
        })*
    };
}

/// Takes in every fact that `newer` knows.
pub(super) fn merge(into: &mut Condition, newer: &Condition) {
    take_over!(Condition {
        unread, unacked, unsent, write_seq, rcv_nxt, dead, fin_received, fin_read, linger, err,
        rtt_us, bytes_acked, bytes_received, shutdown, file, inode, backlog; timers
    }, into, newer);
    merge_timers(&mut into.timers, timers);
}

fn merge_timers(into: &mut Timers, newer: &Timers) {
    take_over!(
        Timers {
            idle_ms,
            unacked_age_us,
            user_timeout_ms,
            window,
            tries,
            linger2,
            keepalive,
            memory_pressure,
            signed,
            mptcp
        },
        into,
        newer
    );
}

/// `older` with every fact that `newer` knows.
pub(super) fn merged(mut older: Condition, newer: &Condition) -> Condition {
    merge(&mut older, newer);
    older
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
