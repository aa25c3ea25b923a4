//! `tcp_send_active_reset`, `net/ipv4/tcp_output.c`: an RST from a call or a timer.
//!
//! Arguments: `(sk, gfp)` before 6.10, then also `reason`, since 7.0 without `gfp`; a program each.

use aya_ebpf::{
    EbpfContext,
    macros::{fentry, kprobe},
    programs::{FEntryContext, ProbeContext},
};
use tracer_common::event::{Kind, RstSent, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    gather,
    kernel::{Address, sock, task, timers::timers},
    listener, stack,
};

#[fentry(function = "tcp_send_active_reset")]
fn tcp_send_active_reset_fentry(program: FEntryContext) -> u32 {
    sent(&program, program.arg(0), RstSent::NO_REASON)
}

#[fentry(function = "tcp_send_active_reset")]
fn tcp_send_active_reset_fentry_1(program: FEntryContext) -> u32 {
    sent(&program, program.arg(0), program.arg(1))
}

#[fentry(function = "tcp_send_active_reset")]
fn tcp_send_active_reset_fentry_2(program: FEntryContext) -> u32 {
    sent(&program, program.arg(0), program.arg(2))
}

#[kprobe]
fn tcp_send_active_reset_kprobe(program: ProbeContext) -> u32 {
    sent(&program, program.arg(0).unwrap_or(0), RstSent::NO_REASON)
}

#[kprobe]
fn tcp_send_active_reset_kprobe_1(program: ProbeContext) -> u32 {
    let reason = program.arg(1).unwrap_or(RstSent::NO_REASON);
    sent(&program, program.arg(0).unwrap_or(0), reason)
}

#[kprobe]
fn tcp_send_active_reset_kprobe_2(program: ProbeContext) -> u32 {
    let reason = program.arg(2).unwrap_or(RstSent::NO_REASON);
    sent(&program, program.arg(0).unwrap_or(0), reason)
}

/// Reports an RST; `reason` is `enum sk_rst_reason` or [`RstSent::NO_REASON`].
#[inline(always)]
pub(super) fn sent(program: &impl EbpfContext, sk: Address, reason: u32) -> u32 {
    let gathered = gather::instead(|| gather::reset_sent(sk));
    if gathered || !wanted(Kind::RstSent) || !filter::socket(sk, Meaning::Other) {
        return 0;
    }
    let mut record = RstSent::new_zeroed();
    sock::describe(sk, &mut record.socket);
    sock::condition(sk, &mut record.condition);
    timers(sk, &mut record.condition);
    // A listener that closes resets its children under their spin lock only.
    let by = match (sock::owned(sk), sock::unaccepted(&record.condition)) {
        (true, _) => context::TASK | task::flags_at_release(),
        (false, true) if listener::takes_along(&record.condition) => context::TASK | task::flags(),
        (false, true) => 0,
        (false, false) => context::SOFTIRQ,
    };
    record.header = header::<RstSent>(by);
    task::describe_actor(by, &mut record.task);
    record.reason = reason;
    emit(program, Lane::Endings, &mut record);
    stack::of_reset(program, &record.header, &record.socket);
    0
}
