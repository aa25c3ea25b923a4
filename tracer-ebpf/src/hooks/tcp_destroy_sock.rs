//! Tracepoint `tcp:tcp_destroy_sock`: the kernel gives a socket up.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use tracer_common::event::{Destroyed, Kind, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    kernel::{Address, sock, task},
};

#[raw_tracepoint(tracepoint = "tcp_destroy_sock")]
fn tcp_destroy_sock(program: RawTracePointContext) -> u32 {
    let sk: Address = program.arg(0);
    if !sock::is_tcp(sk) {
        return 0;
    }
    let mut record = Destroyed::new_zeroed();
    sock::describe(sk, None, &mut record.socket);
    // A close that finds the socket dead already destroys it under the lock it took.
    let owned = sock::owned(sk);
    let meaning = if owned {
        Meaning::Holder
    } else {
        Meaning::Other
    };
    let answer = filter::socket(&record.socket, meaning);
    filter::forget(sk);
    if !answer.wanted || !wanted(Kind::Destroyed) {
        return 0;
    }
    record.held_back = answer.held_back;
    let by = if owned {
        context::TASK | task::flags()
    } else {
        context::SOFTIRQ
    };
    record.header = header::<Destroyed>(by);
    if owned {
        task::describe(&mut record.task);
    }
    sock::condition(sk, &mut record.condition);
    emit(&program, Lane::Endings, &mut record);
    0
}
