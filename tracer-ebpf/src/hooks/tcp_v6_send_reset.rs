//! `tcp_v6_send_reset`, `net/ipv6/tcp_ipv6.c`: an RST that answers a segment, by its entry.

use aya_ebpf::{macros::fentry, programs::FEntryContext};
use tracer_common::event::RstAnswered;

use super::answered::answered;

#[fentry(function = "tcp_v6_send_reset")]
fn tcp_v6_send_reset_fentry(program: FEntryContext) -> u32 {
    answered(
        &program,
        program.arg(0),
        program.arg(1),
        RstAnswered::NO_REASON,
    )
}

#[fentry(function = "tcp_v6_send_reset")]
fn tcp_v6_send_reset_fentry_2(program: FEntryContext) -> u32 {
    answered(&program, program.arg(0), program.arg(1), program.arg(2))
}
