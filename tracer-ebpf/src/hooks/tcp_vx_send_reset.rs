//! Both functions that answer a segment with an RST, by kprobe.
//!
//! Arguments: `(sk, skb)`, since 6.10 `(sk, skb, reason)`; `sk` may be null, a listener, in time-wait.

use aya_ebpf::{macros::kprobe, programs::ProbeContext};
use tracer_common::event::RstAnswered;

use super::answered::answered;

/// Either function without a reason.
#[kprobe]
fn tcp_vx_send_reset_kprobe(program: ProbeContext) -> u32 {
    let (sk, skb) = (program.arg(0).unwrap_or(0), program.arg(1).unwrap_or(0));
    answered(&program, sk, skb, RstAnswered::NO_REASON)
}

/// Either function with a reason.
#[kprobe]
fn tcp_vx_send_reset_kprobe_2(program: ProbeContext) -> u32 {
    let (sk, skb) = (program.arg(0).unwrap_or(0), program.arg(1).unwrap_or(0));
    let reason = program.arg(2).unwrap_or(RstAnswered::NO_REASON);
    answered(&program, sk, skb, reason)
}
