//! Tracepoint `tcp:tcp_receive_reset`: a segment makes the kernel abort a connection.

use aya_ebpf::{
    EbpfContext,
    macros::{btf_tracepoint, raw_tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext},
};
use tracer_common::event::{Kind, RstReceived, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    gather,
    kernel::{Address, Structure, Typed, sock, timers::timers},
};

#[btf_tracepoint(function = "tcp_receive_reset")]
fn tcp_receive_reset_typed(program: BtfTracePointContext) -> i32 {
    Typed::tcp(program.arg(0)).map_or(0, |tcp| received(&program, tcp))
}

#[raw_tracepoint(tracepoint = "tcp_receive_reset")]
fn tcp_receive_reset_raw(program: RawTracePointContext) -> i32 {
    received(&program, program.arg::<Address>(0))
}

#[inline(always)]
fn received(program: &impl EbpfContext, sk: impl Structure) -> i32 {
    if !wanted(Kind::RstReceived) || gather::instead(|| gather::reset_received(sk.address())) {
        return 0;
    }
    if !sock::is_tcp(sk) || !filter::socket(sk, Meaning::RstReceived) {
        return 0;
    }
    let mut record = RstReceived::new_zeroed();
    sock::describe(sk, &mut record.socket);
    record.header = header::<RstReceived>(context::SOFTIRQ);
    sock::condition(sk, &mut record.condition);
    timers(sk, &mut record.condition);
    emit(program, Lane::Endings, &mut record);
    0
}
