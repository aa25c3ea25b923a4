//! Tracepoint `tcp:tcp_send_reset`: both kinds of RST, told apart by the segment behind it.
//!
//! Raw arguments: `(sk, skb)`, since 6.10 `(sk, skb, reason)`; `skb` is null for an RST from a call.
//! Before 6.10 it is silent for answers without a full socket.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use tracer_common::event::RstSent;

use super::{answered::answered, tcp_send_active_reset::sent};
use crate::kernel::Address;

#[raw_tracepoint(tracepoint = "tcp_send_reset")]
fn rst_sent_tracepoint(program: RawTracePointContext) -> u32 {
    call(&program, RstSent::NO_REASON)
}

#[raw_tracepoint(tracepoint = "tcp_send_reset")]
fn rst_sent_tracepoint_2(program: RawTracePointContext) -> u32 {
    call(&program, program.arg(2))
}

#[raw_tracepoint(tracepoint = "tcp_send_reset")]
fn rst_answered_tracepoint(program: RawTracePointContext) -> u32 {
    answer(&program, RstSent::NO_REASON)
}

#[raw_tracepoint(tracepoint = "tcp_send_reset")]
fn rst_answered_tracepoint_2(program: RawTracePointContext) -> u32 {
    answer(&program, program.arg(2))
}

#[inline(always)]
fn call(program: &RawTracePointContext, reason: u32) -> u32 {
    let (sk, skb): (Address, Address) = (program.arg(0), program.arg(1));
    if skb == 0 {
        sent(program, sk, reason)
    } else {
        0
    }
}

#[inline(always)]
fn answer(program: &RawTracePointContext, reason: u32) -> u32 {
    let (sk, skb): (Address, Address) = (program.arg(0), program.arg(1));
    if skb == 0 {
        0
    } else {
        answered(program, sk, skb, reason)
    }
}
