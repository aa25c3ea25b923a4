//! Tracepoint `tcp:tcp_retransmit_skb`, for segments that carry a FIN.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use tracer_common::event::{FinRetransmitted, Kind, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    kernel::{Address, skb, sock},
};

const FLAG_FIN: u8 = 1;

#[raw_tracepoint(tracepoint = "tcp_retransmit_skb")]
fn tcp_retransmit_skb(program: RawTracePointContext) -> u32 {
    let (sk, buffer): (Address, Address) = (program.arg(0), program.arg(1));
    let (seq, flags) = skb::queued(buffer);
    if flags & FLAG_FIN == 0 || !wanted(Kind::FinRetransmitted) {
        return 0;
    }
    if !filter::socket(sk, Meaning::Other) {
        return 0;
    }
    let mut record = FinRetransmitted::new_zeroed();
    sock::describe(sk, &mut record.socket);
    record.header = header::<FinRetransmitted>(context::SOFTIRQ);
    record.seq = seq;
    emit(&program, Lane::Endings, &mut record);
    0
}
