//! Segments in socket buffers.

use tracer_common::{event::Segment, flow::Flow};
use zerocopy::FromBytes;

use super::{Address, has, read, read_at, sock::v4_mapped};
use crate::settings::offset;

/// The fixed part of a TCP header up to its flags, as on the wire (RFC 9293, section 3.1).
#[derive(Clone, Copy, FromBytes)]
#[repr(C)]
struct TcpHeader {
    source: [u8; 2],
    destination: [u8; 2],
    seq: [u8; 4],
    ack: [u8; 4],
    offset: u8,
    flags: u8,
}

/// Reads a received segment: the flow as the answering host sees it, and what the segment said.
#[inline(always)]
pub(crate) fn received(skb: Address, flow: &mut Flow, segment: &mut Segment) {
    let head: Address = read(skb, |offsets| &offsets.skb_head);
    let transport: u16 = read(skb, |offsets| &offsets.skb_transport_header);
    let network: u16 = read(skb, |offsets| &offsets.skb_network_header);
    let tcp: TcpHeader = read_at(head.wrapping_add(u64::from(transport)));
    flow.local_port = u16::from_be_bytes(tcp.destination);
    flow.remote_port = u16::from_be_bytes(tcp.source);
    segment.seq = u32::from_be_bytes(tcp.seq);
    segment.ack = u32::from_be_bytes(tcp.ack);
    segment.flags = tcp.flags;
    addresses(head.wrapping_add(u64::from(network)), flow);
}

/// Fills both addresses from the IP header at `ip`, whichever version it is.
#[inline(always)]
fn addresses(ip: Address, flow: &mut Flow) {
    if read_at::<u8>(ip) >> 4 == 6 {
        flow.remote = read_at(ip.wrapping_add(8));
        flow.local = read_at(ip.wrapping_add(24));
    } else {
        flow.remote = v4_mapped(read_at(ip.wrapping_add(12)));
        flow.local = v4_mapped(read_at(ip.wrapping_add(16)));
    }
}

/// Inode number of the namespace of the device a segment came in on; zero when unknown.
#[inline(always)]
pub(crate) fn netns(skb: Address) -> u32 {
    let device = read(skb, |offsets| &offsets.skb_dev);
    read(read(device, |offsets| &offsets.dev_net), |offsets| {
        &offsets.net_inum
    })
}

/// Sequence number and flags of a segment being sent, from TCP's control block; no flags where
/// this kernel's cannot be read.
#[inline(always)]
pub(crate) fn queued(skb: Address) -> (u32, u8) {
    if !has(|offsets| &offsets.skb_cb) {
        return (0, 0);
    }
    let cb = skb.wrapping_add(u64::from(offset(|offsets| &offsets.skb_cb)));
    let flags = if has(|offsets| &offsets.cb_tcp_flags_wide) {
        let [low, _] = read::<[u8; 2]>(cb, |offsets| &offsets.cb_tcp_flags_wide);
        low
    } else {
        read(cb, |offsets| &offsets.cb_tcp_flags)
    };
    (read(cb, |offsets| &offsets.cb_seq), flags)
}
