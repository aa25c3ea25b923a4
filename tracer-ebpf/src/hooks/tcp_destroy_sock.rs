//! Tracepoint `tcp:tcp_destroy_sock`: the kernel gives a socket up.

use aya_ebpf::{
    EbpfContext,
    macros::{btf_tracepoint, raw_tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext},
};
use tracer_common::event::{Destroyed, Kind, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    gather,
    kernel::{Address, Structure, Typed, sock, task},
    touch,
};

#[btf_tracepoint(function = "tcp_destroy_sock")]
fn tcp_destroy_sock_typed(program: BtfTracePointContext) -> i32 {
    Typed::tcp(program.arg(0)).map_or(0, |tcp| destroyed(&program, tcp))
}

#[raw_tracepoint(tracepoint = "tcp_destroy_sock")]
fn tcp_destroy_sock_raw(program: RawTracePointContext) -> i32 {
    destroyed(&program, program.arg::<Address>(0))
}

#[inline(always)]
fn destroyed(program: &impl EbpfContext, sk: impl Structure) -> i32 {
    if gather::instead(|| gather::destroyed(sk.address())) {
        return 0;
    }
    touch::forget(sk.address());
    if !sock::is_tcp(sk) {
        return 0;
    }
    if !filter::connects(sk) {
        filter::forget(sk.address());
        return 0;
    }
    // A close that finds the socket dead already destroys it under the lock it took.
    let owned = sock::owned(sk);
    let meaning = if owned {
        Meaning::Holder
    } else {
        Meaning::Other
    };
    let answer = filter::owner(sk, meaning);
    filter::forget(sk.address());
    if !answer.wanted || !wanted(Kind::Destroyed) {
        return 0;
    }
    let mut record = Destroyed::new_zeroed();
    record.held_back = answer.held_back;
    sock::describe(sk, &mut record.socket);
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
    emit(program, Lane::Endings, &mut record);
    0
}
