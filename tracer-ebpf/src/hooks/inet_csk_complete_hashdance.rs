//! `inet_csk_complete_hashdance`, `net/ipv4/inet_connection_sock.c`: a handshake is over.
//!
//! Arguments `(listener, child, request, own)` since 4.4. It calls `inet_csk_reqsk_queue_add`, which
//! compilers put right into it.

use aya_ebpf::{
    macros::{fentry, kprobe},
    programs::{FEntryContext, ProbeContext},
};

use super::inet_csk_reqsk_queue_add::queued;

#[fentry(function = "inet_csk_complete_hashdance")]
fn inet_csk_complete_hashdance_fentry(program: FEntryContext) -> u32 {
    queued(&program, program.arg(0), program.arg(1))
}

#[kprobe]
fn inet_csk_complete_hashdance_kprobe(program: ProbeContext) -> u32 {
    let child = program.arg(1).unwrap_or(0);
    queued(&program, program.arg(0).unwrap_or(0), child)
}
