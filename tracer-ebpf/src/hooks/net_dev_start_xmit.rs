//! Tracepoint `net:net_dev_start_xmit`: a packet is handed to the driver of a device.
//!
//! Arguments: `(skb, dev)`. It runs for every packet that leaves (`xmit_one`, `net/core/dev.c`), after
//! netfilter and the queueing discipline; only sockets that bypass both send without it.

use aya_ebpf::{
    EbpfContext,
    macros::{btf_tracepoint, raw_tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext},
};
use tracer_common::event::direction;

use crate::{
    kernel::{Address, load, read, skb},
    packet::{Glance, glance},
};

#[btf_tracepoint(function = "net_dev_start_xmit")]
fn net_dev_start_xmit_typed(program: BtfTracePointContext) -> i32 {
    let skb: Address = program.arg(0);
    let head: Address = load(skb, |offsets| &offsets.skb_head);
    let network: u16 = load(skb, |offsets| &offsets.skb_network_header);
    leaves(&program, skb, program.arg(1), (head, network))
}

#[raw_tracepoint(tracepoint = "net_dev_start_xmit")]
fn net_dev_start_xmit_raw(program: RawTracePointContext) -> i32 {
    let skb: Address = program.arg(0);
    let head: Address = read(skb, |offsets| &offsets.skb_head);
    let network: u16 = read(skb, |offsets| &offsets.skb_network_header);
    leaves(&program, skb, program.arg(1), (head, network))
}

/// Nearly every packet of the machine ends here at the first look.
#[inline(always)]
fn leaves(
    program: &impl EbpfContext,
    skb: Address,
    device: Address,
    (head, network): (Address, u16),
) -> i32 {
    let ip = head.wrapping_add(u64::from(network));
    if glance(&skb::opening(ip)) != Glance::Passes {
        skb::passes(program, skb, device, ip, direction::TRANSMITTED);
    }
    0
}
