//! `filp_flush` (since 6.6) or `filp_close`, `fs/open.c`: a descriptor is closed, whatever it was of.
//!
//! Both have the file first. Most files have one reference, and cost one read.

use aya_ebpf::{
    macros::{fentry, kprobe},
    programs::{FEntryContext, ProbeContext},
};

use super::held_open::closed;

#[fentry(function = "filp_flush")]
fn filp_flush_fentry(program: FEntryContext) -> u32 {
    closed(&program, program.arg(0))
}

#[kprobe]
fn filp_flush_kprobe(program: ProbeContext) -> u32 {
    closed(&program, program.arg(0).unwrap_or(0))
}
