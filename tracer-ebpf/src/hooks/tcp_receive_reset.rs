//! Tracepoint `tcp:tcp_receive_reset`: a segment makes the kernel abort a connection.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use tracer_common::event::{Kind, RstReceived, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    kernel::{Address, sock, timers::timers},
};

#[raw_tracepoint(tracepoint = "tcp_receive_reset")]
fn tcp_receive_reset(program: RawTracePointContext) -> u32 {
    let sk: Address = program.arg(0);
    if !wanted(Kind::RstReceived) || !sock::is_tcp(sk) {
        return 0;
    }
    let mut record = RstReceived::new_zeroed();
    sock::describe(sk, None, &mut record.socket);
    if !filter::socket(&record.socket, Meaning::RstReceived).wanted {
        return 0;
    }
    record.header = header::<RstReceived>(context::SOFTIRQ);
    sock::condition(sk, &mut record.condition);
    timers(sk, &mut record.condition);
    emit(&program, Lane::Endings, &mut record);
    0
}
