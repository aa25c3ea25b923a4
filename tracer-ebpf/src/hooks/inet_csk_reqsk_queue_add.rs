//! `inet_csk_reqsk_queue_add`, `net/ipv4/inet_connection_sock.c`: a listener queues a connection.
//!
//! Arguments `(listener, request, child)` since 4.4; called for SYN cookies and TCP Fast Open, and
//! for other handshakes where it is not inlined. Only listeners that share their port are told
//! of, so that every other connection costs one read.

use aya_ebpf::{
    EbpfContext,
    macros::{fentry, kprobe},
    programs::{FEntryContext, ProbeContext},
};
use tracer_common::event::{Kind, Queued, context};
use zerocopy::FromZeros;

use crate::{
    emit::{Lane, emit, header, wanted},
    filter::{self, Meaning},
    kernel::{Address, read, sock},
};

#[fentry(function = "inet_csk_reqsk_queue_add")]
fn inet_csk_reqsk_queue_add_fentry(program: FEntryContext) -> u32 {
    queued(&program, program.arg(0), program.arg(2))
}

#[kprobe]
fn inet_csk_reqsk_queue_add_kprobe(program: ProbeContext) -> u32 {
    let child = program.arg(2).unwrap_or(0);
    queued(&program, program.arg(0).unwrap_or(0), child)
}

/// Reports a connection of a listener that shares its port.
#[inline(always)]
pub(super) fn queued(program: &impl EbpfContext, listener: Address, child: Address) -> u32 {
    let group: Address = read(listener, |offsets| &offsets.sk_reuseport_cb);
    if group == 0 || !wanted(Kind::Queued) || !filter::socket(child, Meaning::Other) {
        return 0;
    }
    let mut record = Queued::new_zeroed();
    record.header = header::<Queued>(context::SOFTIRQ);
    record.address = child;
    record.cookie = sock::cookie(child);
    record.listener_address = listener;
    record.listener_cookie = sock::cookie(listener);
    emit(program, Lane::States, &mut record);
    0
}
