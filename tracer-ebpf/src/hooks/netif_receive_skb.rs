//! Tracepoint `net:netif_receive_skb`: a packet that came in on a device enters the stack.
//!
//! Argument: `(skb)`. Its network header is not set yet, its data begins with it
//! (`__netif_receive_skb_core`, `net/core/dev.c`). It comes after GRO: a FIN may be on merged data.

use aya_ebpf::{
    EbpfContext,
    macros::{btf_tracepoint, raw_tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext},
};
use tracer_common::event::direction;

use crate::{
    kernel::{Address, load, read, skb},
    packet::{Glance, IPV4, IPV6, glance},
};

#[btf_tracepoint(function = "netif_receive_skb")]
fn netif_receive_skb_typed(program: BtfTracePointContext) -> i32 {
    let skb: Address = program.arg(0);
    let data: Address = load(skb, |offsets| &offsets.skb_data);
    let protocol: u16 = load(skb, |offsets| &offsets.skb_protocol);
    arrives(&program, skb, data, u16::from_be(protocol))
}

#[raw_tracepoint(tracepoint = "netif_receive_skb")]
fn netif_receive_skb_raw(program: RawTracePointContext) -> i32 {
    let skb: Address = program.arg(0);
    let data: Address = read(skb, |offsets| &offsets.skb_data);
    let protocol: u16 = read(skb, |offsets| &offsets.skb_protocol);
    arrives(&program, skb, data, u16::from_be(protocol))
}

/// A tag may look like the first byte of IP, so the Ethernet type comes first.
#[inline(always)]
fn arrives(program: &impl EbpfContext, skb: Address, data: Address, protocol: u16) -> i32 {
    let is_ip = matches!(protocol, IPV4 | IPV6);
    if !is_ip || glance(&skb::opening(data)) != Glance::Passes {
        let device = read(skb, |offsets| &offsets.skb_dev);
        skb::passes(program, skb, device, data, direction::RECEIVED);
    }
    0
}
