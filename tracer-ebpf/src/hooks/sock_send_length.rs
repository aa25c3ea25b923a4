//! Tracepoint `sock:sock_send_length` (since 6.3), `net/socket.c`: a task sent, or could not, on a socket of whatever protocol.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};

use crate::{
    kernel::{Address, sock},
    touch::touched,
};

#[raw_tracepoint(tracepoint = "sock_send_length")]
fn sock_send_length(program: RawTracePointContext) -> u32 {
    let sk: Address = program.arg(0);
    if !sock::is_stream(sk) {
        return 0;
    }
    touched(&program, sk, false)
}
