//! `tcp_sendmsg`, `net/ipv4/tcp.c`: a task sends.
//!
//! The socket has always been its first argument; whatever sends comes by, by system call or `io_uring`.

use aya_ebpf::{
    macros::{fentry, kprobe},
    programs::{FEntryContext, ProbeContext},
};

use crate::touch::touched;

#[fentry(function = "tcp_sendmsg")]
fn tcp_sendmsg_fentry(program: FEntryContext) -> u32 {
    touched(&program, program.arg(0), false)
}

#[kprobe]
fn tcp_sendmsg_kprobe(program: ProbeContext) -> u32 {
    touched(&program, program.arg(0).unwrap_or(0), false)
}
