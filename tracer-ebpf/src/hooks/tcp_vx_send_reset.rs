//! Both functions that answer a segment with an RST: their shared body, and their kprobes.
//!
//! Arguments: `(sk, skb)`, since 6.10 `(sk, skb, reason)`; `sk` may be null, a listener, in time-wait.

use aya_ebpf::{EbpfContext, macros::kprobe, programs::ProbeContext};
use tracer_common::event::{Kind, RstAnswered, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    kernel::{Address, skb, sock},
    stack,
};

const FLAG_RST: u8 = 4;
const TCP_TIME_WAIT: u32 = 6;
const TCP_LISTEN: u32 = 10;
const TCP_NEW_SYN_RECV: u32 = 12;

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

/// Reports an answer; `reason` is `enum sk_rst_reason` or [`RstAnswered::NO_REASON`].
#[inline(always)]
pub(super) fn answered(program: &impl EbpfContext, sk: Address, skb: Address, reason: u32) -> u32 {
    if !wanted(Kind::RstAnswered) {
        return 0;
    }
    let mut record = RstAnswered::new_zeroed();
    skb::received(skb, &mut record.socket.flow, &mut record.provoked_by);
    // The functions return early for an incoming RST: it is never answered.
    if record.provoked_by.flags & FLAG_RST != 0 {
        return 0;
    }
    record.socket.uid = u32::MAX;
    record.socket.flow.netns = if sk == 0 {
        skb::netns(skb)
    } else {
        sock::netns(sk)
    };
    if sk != 0 {
        record.socket.address = sk;
        (record.socket.cookie, record.socket.state) = (sock::cookie(sk), sock::state(sk));
    }
    if !admitted(&mut record, sk) {
        return 0;
    }
    record.header = header::<RstAnswered>(context::SOFTIRQ);
    record.reason = reason;
    emit(program, Lane::Endings, &mut record);
    stack::of_reset(program, &record.header, &record.socket);
    0
}

/// Asks the filter: a connection's owner decides, an answer for no connection has none.
#[inline(always)]
fn admitted(record: &mut RstAnswered, sk: Address) -> bool {
    match record.socket.state {
        0 | TCP_TIME_WAIT | TCP_LISTEN | TCP_NEW_SYN_RECV => filter::ownerless(&record.socket.flow),
        _ => {
            record.socket.uid = sock::uid(sk);
            filter::socket(&record.socket, Meaning::Other).wanted
        }
    }
}
