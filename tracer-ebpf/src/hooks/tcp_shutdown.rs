//! `tcp_shutdown`, `net/ipv4/tcp.c`: a task shuts one or both directions and keeps the socket.

use aya_ebpf::{
    EbpfContext,
    macros::{fentry, kprobe},
    programs::{FEntryContext, ProbeContext},
};
use tracer_common::event::{Kind, ShutdownCalled, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    kernel::{Address, Structure, Typed, sock, task},
    stack,
};

#[fentry(function = "tcp_shutdown")]
fn tcp_shutdown_fentry(program: FEntryContext) -> u32 {
    let how = program.arg(1);
    Typed::tcp(program.arg(0)).map_or(0, |tcp| called(&program, tcp, how))
}

#[kprobe]
fn tcp_shutdown_kprobe(program: ProbeContext) -> u32 {
    let sk: Address = program.arg(0).unwrap_or(0);
    called(&program, sk, program.arg(1).unwrap_or(0))
}

#[inline(always)]
fn called(program: &impl EbpfContext, sk: impl Structure, how: u32) -> u32 {
    if !wanted(Kind::ShutdownCalled) || !sock::is_tcp(sk) {
        return 0;
    }
    // The kernel also shuts a socket by itself: a shutdown asked for while the handshake was
    // under way is carried out when it completes, in softirq.
    let (meaning, by) = if sock::owned(sk) {
        (Meaning::Caller, context::TASK | task::flags())
    } else {
        (Meaning::Other, context::SOFTIRQ)
    };
    if !filter::socket(sk, meaning) {
        return 0;
    }
    let mut record = ShutdownCalled::new_zeroed();
    sock::describe(sk, &mut record.socket);
    record.header = header::<ShutdownCalled>(by);
    if by != context::SOFTIRQ {
        task::describe(&mut record.task);
    }
    sock::condition(sk, &mut record.condition);
    record.how = how;
    emit(program, Lane::Endings, &mut record);
    if by != context::SOFTIRQ {
        stack::of_keeping(program, &record.header, &record.socket);
    }
    0
}
