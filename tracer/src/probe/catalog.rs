//! Every point finrst hooks, and the ways to reach it, best first.

use tracer_common::event::Kind;

use super::way::Hook;

mod callers;
mod segments;
mod touches;

pub(super) use callers::GO_CLOSE;
pub(super) use segments::{EGRESS, INGRESS};
pub use segments::{SEGMENTS, TCX, XMIT};

/// One thing in the kernel worth knowing about.
#[derive(Debug)]
pub struct Point {
    /// Name in `finrst check` and in JSON.
    pub name: &'static str,
    /// What is seen there.
    pub sees: &'static str,
    /// What endings lack without it.
    pub lost: &'static str,
    /// Whether finrst refuses to run without it.
    pub required: bool,
    /// The record it sends.
    pub kind: Kind,
    /// The ways to reach it, best first.
    pub candidates: &'static [Candidate],
}

/// A way to reach a point.
#[derive(Debug)]
pub struct Candidate {
    /// How the programs attach.
    pub hook: Hook,
    /// Programs of the kernel object and the symbols they attach to; all must attach.
    pub programs: &'static [(&'static str, &'static str)],
    /// What the running kernel must look like.
    pub needs: Need,
}

/// What a candidate asks of the running kernel's BTF.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// Nothing beyond the symbol.
    Nothing,
    /// A function has its parameter named `reason` at this place, counted from zero.
    ReasonAt(&'static str, usize),
    /// A function has no parameter named `reason`.
    NoReason(&'static str),
    /// A raw tracepoint hands over this many arguments.
    Arguments(&'static str, usize),
    /// Leave to slow down every system call of the machine.
    Leave,
}

const ACTIVE: &str = "tcp_send_active_reset";
const ANSWER: &str = "tcp_v4_send_reset";
const RESET: &str = "tcp_send_reset";
const HANDSHAKE: &str = "inet_csk_complete_hashdance";
const QUEUE: &str = "inet_csk_reqsk_queue_add";

/// A candidate with one program.
macro_rules! by {
    ($hook:ident $program:literal at $symbol:expr $(, $need:ident $arguments:tt)?) => {
        Candidate {
            hook: Hook::$hook,
            programs: &[($program, $symbol)],
            needs: by!(@ $($need $arguments)?),
        }
    };
    (@) => { Need::Nothing };
    (@ $need:ident $arguments:tt) => { Need::$need $arguments };
}

/// Every point, in the order `finrst check` shows them.
pub const POINTS: &[Point] = &[
    Point {
        name: "state_changed",
        sees: "every TCP state transition, in the closer's context right before FIN or RST",
        lost: "everything",
        required: true,
        kind: Kind::StateChanged,
        candidates: &[
            by!(TypedTracepoint "inet_sock_set_state_typed" at "inet_sock_set_state"),
            by!(RawTracepoint "inet_sock_set_state_raw" at "inet_sock_set_state"),
        ],
    },
    Point {
        name: "close_called",
        sees: "the call of close(2) that ends a connection",
        lost: "the moment of the call (the state change stands for it); closes that change no state",
        required: false,
        kind: Kind::CloseCalled,
        candidates: &[
            by!(Fentry "tcp_close_fentry" at "tcp_close"),
            by!(Kprobe "tcp_close_kprobe" at "tcp_close"),
        ],
    },
    Point {
        name: "shutdown_called",
        sees: "the call of shutdown(2)",
        lost: "the moment of the call (the state change stands for it)",
        required: false,
        kind: Kind::ShutdownCalled,
        candidates: &[
            by!(Fentry "tcp_shutdown_fentry" at "tcp_shutdown"),
            by!(Kprobe "tcp_shutdown_kprobe" at "tcp_shutdown"),
        ],
    },
    Point {
        name: "fin_queued",
        sees: "the FIN entering the write queue, with its sequence number",
        lost: "the FIN's exact moment and sequence number (the state change stands for it)",
        required: false,
        kind: Kind::FinQueued,
        candidates: &[
            by!(Fentry "tcp_send_fin_fentry" at "tcp_send_fin"),
            by!(Kprobe "tcp_send_fin_kprobe" at "tcp_send_fin"),
        ],
    },
    Point {
        name: "rst_sent",
        sees: "an RST sent from a call or a timer",
        lost: "RSTs sent from calls and timers",
        required: true,
        kind: Kind::RstSent,
        candidates: &[
            by!(Fentry "tcp_send_active_reset_fentry_1" at ACTIVE, ReasonAt(ACTIVE, 1)),
            by!(Fentry "tcp_send_active_reset_fentry_2" at ACTIVE, ReasonAt(ACTIVE, 2)),
            by!(Fentry "tcp_send_active_reset_fentry" at ACTIVE, NoReason(ACTIVE)),
            by!(Kprobe "tcp_send_active_reset_kprobe_1" at ACTIVE, ReasonAt(ACTIVE, 1)),
            by!(Kprobe "tcp_send_active_reset_kprobe_2" at ACTIVE, ReasonAt(ACTIVE, 2)),
            by!(Kprobe "tcp_send_active_reset_kprobe" at ACTIVE, NoReason(ACTIVE)),
            by!(RawTracepoint "rst_sent_tracepoint_2" at RESET, Arguments(RESET, 3)),
            by!(RawTracepoint "rst_sent_tracepoint" at RESET, Arguments(RESET, 2)),
        ],
    },
    Point {
        name: "rst_answered",
        sees: "an RST that answers a segment, and that segment",
        lost: "refused connections and resets of stray segments",
        required: false,
        kind: Kind::RstAnswered,
        candidates: &[
            // Where it has a reason (since 6.10) the tracepoint reports every answer, and only
            // those that really leave; the functions are also entered when nothing is sent.
            by!(RawTracepoint "rst_answered_tracepoint_2" at RESET, Arguments(RESET, 3)),
            Candidate {
                hook: Hook::Fentry,
                programs: &[
                    ("tcp_v4_send_reset_fentry_2", "tcp_v4_send_reset"),
                    ("tcp_v6_send_reset_fentry_2", "tcp_v6_send_reset"),
                ],
                needs: Need::ReasonAt(ANSWER, 2),
            },
            Candidate {
                hook: Hook::Fentry,
                programs: &[
                    ("tcp_v4_send_reset_fentry", "tcp_v4_send_reset"),
                    ("tcp_v6_send_reset_fentry", "tcp_v6_send_reset"),
                ],
                needs: Need::NoReason(ANSWER),
            },
            Candidate {
                hook: Hook::Kprobe,
                programs: &[
                    ("tcp_vx_send_reset_kprobe_2", "tcp_v4_send_reset"),
                    ("tcp_vx_send_reset_kprobe_2", "tcp_v6_send_reset"),
                ],
                needs: Need::ReasonAt(ANSWER, 2),
            },
            Candidate {
                hook: Hook::Kprobe,
                programs: &[
                    ("tcp_vx_send_reset_kprobe", "tcp_v4_send_reset"),
                    ("tcp_vx_send_reset_kprobe", "tcp_v6_send_reset"),
                ],
                needs: Need::NoReason(ANSWER),
            },
            by!(RawTracepoint "rst_answered_tracepoint" at RESET, Arguments(RESET, 2)),
        ],
    },
    Point {
        name: "rst_received",
        sees: "an RST, or a segment that aborts the connection, coming in",
        lost: "telling a peer's RST from other sudden ends",
        required: true,
        kind: Kind::RstReceived,
        candidates: &[
            by!(TypedTracepoint "tcp_receive_reset_typed" at "tcp_receive_reset"),
            by!(RawTracepoint "tcp_receive_reset_raw" at "tcp_receive_reset"),
        ],
    },
    Point {
        name: "fin_retransmitted",
        sees: "a FIN sent again",
        lost: "the count of retransmitted FINs",
        required: false,
        kind: Kind::FinRetransmitted,
        candidates: &[by!(RawTracepoint "tcp_retransmit_skb" at "tcp_retransmit_skb")],
    },
    Point {
        name: "destroyed",
        sees: "the kernel giving up a socket",
        lost: "the moment a connection is gone; endings wait for --settle",
        required: false,
        kind: Kind::Destroyed,
        candidates: &[
            by!(TypedTracepoint "tcp_destroy_sock_typed" at "tcp_destroy_sock"),
            by!(RawTracepoint "tcp_destroy_sock_raw" at "tcp_destroy_sock"),
        ],
    },
    Point {
        name: "held_open",
        sees: "a descriptor closed while another one keeps its connection open",
        lost: "closes that end nothing (close_other_holders)",
        required: false,
        kind: Kind::HeldOpen,
        candidates: &[
            by!(Fentry "filp_flush_fentry" at "filp_flush"),
            by!(Fentry "filp_flush_fentry" at "filp_close"),
            by!(Kprobe "filp_flush_kprobe" at "filp_flush"),
            by!(Kprobe "filp_flush_kprobe" at "filp_close"),
            Candidate {
                hook: Hook::RawTracepoint,
                programs: &[("sys_enter_close", "sys_enter")],
                needs: Need::Leave,
            },
        ],
    },
    Point {
        name: "accepted",
        sees: "the process that accepts a connection",
        lost: "owners of connections that only the peer acts on, unless a look finds them",
        required: false,
        kind: Kind::Accepted,
        candidates: &[
            by!(Fentry "security_sock_graft_fentry" at "security_sock_graft"),
            by!(Kprobe "security_sock_graft_kprobe" at "security_sock_graft"),
        ],
    },
    Point {
        name: "queued",
        sees: "which of several listeners of a port gets a connection",
        lost: "owners of connections nobody accepted, where listeners share a port",
        required: false,
        kind: Kind::Queued,
        candidates: &[
            Candidate {
                hook: Hook::Fentry,
                programs: &[
                    ("inet_csk_complete_hashdance_fentry", HANDSHAKE),
                    ("inet_csk_reqsk_queue_add_fentry", QUEUE),
                ],
                needs: Need::Nothing,
            },
            Candidate {
                hook: Hook::Kprobe,
                programs: &[
                    ("inet_csk_complete_hashdance_kprobe", HANDSHAKE),
                    ("inet_csk_reqsk_queue_add_kprobe", QUEUE),
                ],
                needs: Need::Nothing,
            },
        ],
    },
    Point {
        name: "process_exited",
        sees: "threads exiting",
        lost: "the exit status of processes gone since, and exits in -v",
        required: false,
        kind: Kind::ProcessExited,
        candidates: &[by!(RawTracepoint "sched_process_exit" at "sched_process_exit")],
    },
    Point {
        name: "process_execed",
        sees: "programs executed",
        lost: "goroutines of programs at their first connection, and program changes in -v",
        required: false,
        kind: Kind::ProcessExeced,
        candidates: &[by!(RawTracepoint "sched_process_exec" at "sched_process_exec")],
    },
    Point {
        name: "process_forked",
        sees: "processes and threads created",
        lost: "--follow, and forks in -v",
        required: false,
        kind: Kind::ProcessForked,
        candidates: &[by!(RawTracepoint "sched_process_fork" at "sched_process_fork")],
    },
    callers::CLOSE_ASKED,
    touches::TOUCHED,
    segments::SENT,
    segments::RECEIVED,
    segments::PASSED,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_record_has_one_point_and_segments_have_those_of_each_wire() {
        // Stacks come with the records of other points.
        for kind in Kind::ALL.into_iter().filter(|&kind| kind != Kind::Stack) {
            let of_kind = POINTS.iter().filter(|point| point.kind == kind);
            if kind == Kind::SegmentSeen {
                let names: Vec<_> = of_kind.map(|point| point.name).collect();
                assert_eq!(names, SEGMENTS);
                assert_eq!(names, [XMIT, TCX].concat());
            } else {
                assert_eq!(of_kind.count(), 1, "{kind:?}");
            }
        }
    }
}
