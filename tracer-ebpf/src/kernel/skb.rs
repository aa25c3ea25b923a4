//! Segments in socket buffers.

use tracer_common::{event::Segment, flow::Flow};

use super::{Address, read, read_at, sock::v4_mapped};

/// The fixed part of a TCP header up to its flags, as on the wire (RFC 9293, section 3.1).
#[derive(Clone, Copy)]
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
///
/// `None` when the headers cannot be read.
#[inline(always)]
pub(crate) fn received(skb: Address, flow: &mut Flow, segment: &mut Segment) -> Option<()> {
    let head: Address = read(skb, |offsets| &offsets.skb_head)?;
    let transport: u16 = read(skb, |offsets| &offsets.skb_transport_header)?;
    let network: u16 = read(skb, |offsets| &offsets.skb_network_header)?;
    let tcp: TcpHeader = read_at(head.wrapping_add(u64::from(transport)))?;
    flow.local_port = u16::from_be_bytes(tcp.destination);
    flow.remote_port = u16::from_be_bytes(tcp.source);
    segment.seq = u32::from_be_bytes(tcp.seq);
    segment.ack = u32::from_be_bytes(tcp.ack);
    segment.flags = tcp.flags;
    addresses(head.wrapping_add(u64::from(network)), flow)
}

/// Fills both addresses from the IP header at `ip`, whichever version it is.
#[inline(always)]
fn addresses(ip: Address, flow: &mut Flow) -> Option<()> {
    let version: u8 = read_at(ip)?;
    if version >> 4 == 6 {
        flow.remote = read_at(ip.wrapping_add(8))?;
        flow.local = read_at(ip.wrapping_add(24))?;
    } else {
        flow.remote = v4_mapped(read_at(ip.wrapping_add(12))?);
        flow.local = v4_mapped(read_at(ip.wrapping_add(16))?);
    }
    Some(())
}

/// Inode number of the namespace of the device a segment came in on; zero when unknown.
#[inline(always)]
pub(crate) fn netns(skb: Address) -> u32 {
    read(skb, |offsets| &offsets.skb_dev)
        .and_then(|device| read(device, |offsets| &offsets.dev_net))
        .and_then(|net| read(net, |offsets| &offsets.net_inum))
        .unwrap_or(0)
}

/// Sequence number and flags of a segment being sent, from TCP's control block.
#[inline(always)]
pub(crate) fn queued(skb: Address) -> Option<(u32, u8)> {
    let cb = skb.wrapping_add(u64::from(control_block()?));
    let seq = read(cb, |offsets| &offsets.cb_seq)?;
    let flags = match read::<u16>(cb, |offsets| &offsets.cb_tcp_flags_wide) {
        Some(wide) => wide.to_le_bytes()[0],
        None => read::<u8>(cb, |offsets| &offsets.cb_tcp_flags)?,
    };
    Some((seq, flags))
}

#[inline(always)]
fn control_block() -> Option<u16> {
    let offset = crate::settings::offset(|offsets| &offsets.skb_cb);
    (offset != tracer_common::settings::MISSING).then_some(offset)
}
