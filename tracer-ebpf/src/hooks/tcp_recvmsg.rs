//! `tcp_recvmsg`, `net/ipv4/tcp.c`: a task receives, or finds that there is nothing yet.
//!
//! The socket has always been its first argument; whatever receives comes by, by system call or `io_uring`.

use aya_ebpf::{
    macros::{fentry, kprobe},
    programs::{FEntryContext, ProbeContext},
};

use crate::touch::touched;

#[fentry(function = "tcp_recvmsg")]
fn tcp_recvmsg_fentry(program: FEntryContext) -> u32 {
    touched(&program, program.arg(0), true)
}

#[kprobe]
fn tcp_recvmsg_kprobe(program: ProbeContext) -> u32 {
    touched(&program, program.arg(0).unwrap_or(0), true)
}
