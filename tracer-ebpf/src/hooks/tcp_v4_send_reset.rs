//! `tcp_v4_send_reset`, `net/ipv4/tcp_ipv4.c`: an RST that answers a segment, by its entry.

use aya_ebpf::{macros::fentry, programs::FEntryContext};
use tracer_common::event::RstAnswered;

use super::answered::answered;

#[fentry(function = "tcp_v4_send_reset")]
fn tcp_v4_send_reset_fentry(program: FEntryContext) -> u32 {
    answered(
        &program,
        program.arg(0),
        program.arg(1),
        RstAnswered::NO_REASON,
    )
}

#[fentry(function = "tcp_v4_send_reset")]
fn tcp_v4_send_reset_fentry_2(program: FEntryContext) -> u32 {
    answered(&program, program.arg(0), program.arg(1), program.arg(2))
}
