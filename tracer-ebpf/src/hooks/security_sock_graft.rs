//! `security_sock_graft`, `security/security.c`: a connection gets the descriptor accept(2) made.
//!
//! One signature since 5.4, `(sk, socket)`, where `inet_csk_accept` has had several; reached by
//! accept, accept4 and `io_uring`, in the context of whoever accepts.

use aya_ebpf::{
    EbpfContext,
    macros::{fentry, kprobe},
    programs::{FEntryContext, ProbeContext},
};
use tracer_common::{
    event::{Accepted, Kind, context},
    socket::Socket,
};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    kernel::{Address, sock, task},
    stack,
};

#[fentry(function = "security_sock_graft")]
fn security_sock_graft_fentry(program: FEntryContext) -> u32 {
    grafted(&program, program.arg(0), program.arg(1))
}

#[kprobe]
fn security_sock_graft_kprobe(program: ProbeContext) -> u32 {
    let socket = program.arg(1).unwrap_or(0);
    grafted(&program, program.arg(0).unwrap_or(0), socket)
}

#[inline(always)]
fn grafted(program: &impl EbpfContext, sk: Address, socket: Address) -> u32 {
    if !wanted(Kind::Accepted) || !sock::is_stream(sk) {
        return 0;
    }
    if !filter::socket(sk, Meaning::Caller) {
        return 0;
    }
    let mut record = Accepted::new_zeroed();
    record.header = header::<Accepted>(context::TASK | task::flags());
    task::describe(&mut record.task);
    record.address = sk;
    record.cookie = sock::cookie(sk);
    record.inode = sock::inode_of(socket);
    emit(program, Lane::States, &mut record);
    let mut socket = Socket::new_zeroed();
    (socket.address, socket.cookie) = (record.address, record.cookie);
    stack::of_keeping(program, &record.header, &socket);
    0
}
