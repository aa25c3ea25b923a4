//! `tcp_send_fin`, `net/ipv4/tcp_output.c`: the kernel queues a FIN.

use aya_ebpf::{
    EbpfContext,
    macros::{fentry, kprobe},
    programs::{FEntryContext, ProbeContext},
};
use tracer_common::event::{FinQueued, Kind, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    kernel::{Structure, Typed, sock, task},
};

#[fentry(function = "tcp_send_fin")]
fn tcp_send_fin_fentry(program: FEntryContext) -> u32 {
    Typed::tcp(program.arg(0)).map_or(0, |tcp| queued(&program, tcp))
}

#[kprobe]
fn tcp_send_fin_kprobe(program: ProbeContext) -> u32 {
    queued(&program, program.arg(0).unwrap_or(0_u64))
}

#[inline(always)]
fn queued(program: &impl EbpfContext, sk: impl Structure) -> u32 {
    if !wanted(Kind::FinQueued) || !filter::socket(sk, Meaning::Other) {
        return 0;
    }
    let mut record = FinQueued::new_zeroed();
    sock::describe(sk, &mut record.socket);
    let by = if sock::owned(sk) {
        context::TASK | task::flags()
    } else {
        context::SOFTIRQ
    };
    record.header = header::<FinQueued>(by);
    (record.seq, record.unsent) = sock::write_position(sk);
    emit(program, Lane::Endings, &mut record);
    0
}
