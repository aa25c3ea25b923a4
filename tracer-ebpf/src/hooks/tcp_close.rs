//! `tcp_close`, `net/ipv4/tcp.c`: the last descriptor of a socket is going away.

use aya_ebpf::{
    EbpfContext,
    macros::{fentry, kprobe},
    programs::{FEntryContext, ProbeContext},
};
use tracer_common::event::{CloseCalled, Kind, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    gather,
    kernel::{Structure, Typed, sock, task},
};

#[fentry(function = "tcp_close")]
fn tcp_close_fentry(program: FEntryContext) -> u32 {
    Typed::tcp(program.arg(0)).map_or(0, |tcp| called(&program, tcp))
}

#[kprobe]
fn tcp_close_kprobe(program: ProbeContext) -> u32 {
    called(&program, program.arg(0).unwrap_or(0_u64))
}

#[inline(always)]
fn called(program: &impl EbpfContext, sk: impl Structure) -> u32 {
    if !wanted(Kind::CloseCalled) || gather::instead(|| gather::close_called(sk.address())) {
        return 0;
    }
    if !sock::is_tcp(sk) || !filter::socket(sk, Meaning::Caller) {
        return 0;
    }
    let mut record = CloseCalled::new_zeroed();
    sock::describe(sk, &mut record.socket);
    // A descriptor is closed on behalf of whoever runs, so no lock has to prove it.
    record.header = header::<CloseCalled>(context::TASK | task::flags());
    task::describe(&mut record.task);
    sock::condition(sk, &mut record.condition);
    emit(program, Lane::Endings, &mut record);
    0
}
