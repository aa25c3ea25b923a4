//! Tracepoint `sock:sock_recv_length` (since 6.3), `net/socket.c`: a task received, or found nothing, on a socket of whatever protocol.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};

use crate::{
    kernel::{Address, sock},
    touch::touched,
};

#[raw_tracepoint(tracepoint = "sock_recv_length")]
fn sock_recv_length(program: RawTracePointContext) -> u32 {
    let sk: Address = program.arg(0);
    if !sock::is_stream(sk) {
        return 0;
    }
    touched(&program, sk, true)
}
