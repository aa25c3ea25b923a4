//! The point that sees who uses connections.

use tracer_common::event::Kind;

use super::{Candidate, Need, Point};
use crate::probe::way::Hook;

/// The calls that send and receive.
pub(super) const TOUCHED: Point = Point {
    name: "touched",
    sees: "calls that send and receive (finrst leaks --touch)",
    lost: "the code that last sent or received on a leaked socket",
    required: false,
    kind: Kind::Stack,
    candidates: &[
        Candidate {
            hook: Hook::Fentry,
            programs: &[
                ("tcp_sendmsg_fentry", "tcp_sendmsg"),
                ("tcp_recvmsg_fentry", "tcp_recvmsg"),
            ],
            needs: Need::Nothing,
        },
        Candidate {
            hook: Hook::Kprobe,
            programs: &[
                ("tcp_sendmsg_kprobe", "tcp_sendmsg"),
                ("tcp_recvmsg_kprobe", "tcp_recvmsg"),
            ],
            needs: Need::Nothing,
        },
        // Last, for they come after the call: of who is blocked in one they tell the call before.
        Candidate {
            hook: Hook::RawTracepoint,
            programs: &[
                ("sock_send_length", "sock_send_length"),
                ("sock_recv_length", "sock_recv_length"),
            ],
            needs: Need::Nothing,
        },
    ],
};
