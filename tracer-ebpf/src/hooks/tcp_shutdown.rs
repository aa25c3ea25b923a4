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
    kernel::{Address, sock, task},
};

#[fentry(function = "tcp_shutdown")]
fn tcp_shutdown_fentry(program: FEntryContext) -> u32 {
    called(&program, program.arg(0), program.arg(1))
}

#[kprobe]
fn tcp_shutdown_kprobe(program: ProbeContext) -> u32 {
    called(
        &program,
        program.arg(0).unwrap_or(0),
        program.arg(1).unwrap_or(0),
    )
}

#[inline(always)]
fn called(program: &impl EbpfContext, sk: Address, how: u32) -> u32 {
    if !wanted(Kind::ShutdownCalled) || !sock::is_tcp(sk) {
        return 0;
    }
    let mut record = ShutdownCalled::new_zeroed();
    sock::describe(sk, None, &mut record.socket);
    // The kernel also shuts a socket by itself: a shutdown asked for while the handshake was
    // under way is carried out when it completes, in softirq.
    let (meaning, by) = if sock::owned(sk) {
        (Meaning::Caller, context::TASK | task::flags())
    } else {
        (Meaning::Other, context::SOFTIRQ)
    };
    if !filter::socket(&record.socket, meaning).wanted {
        return 0;
    }
    record.header = header::<ShutdownCalled>(by);
    if by != context::SOFTIRQ {
        task::describe(&mut record.task);
    }
    sock::condition(sk, &mut record.condition);
    record.how = how;
    emit(program, Lane::Endings, &mut record);
    0
}
