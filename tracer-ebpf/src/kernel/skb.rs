//! Segments in socket buffers.

use aya_ebpf::EbpfContext;
use tracer_common::{
    event::{Segment, direction, vlan},
    flow::Flow,
};
use zerocopy::{FromBytes, transmute};

use super::{
    Address, has, read, read_at,
    sock::{self, v4_mapped},
};
use crate::{
    packet::{Bytes, Opening},
    segment::{self, Passing},
    settings::offset,
};

/// `TCP_TIME_WAIT` and `TCP_NEW_SYN_RECV`: states of what is smaller than a socket.
const SMALL: [u32; 2] = [6, 12];

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
        flow.remote = transmute!(v4_mapped(read_at(ip.wrapping_add(12))));
        flow.local = transmute!(v4_mapped(read_at(ip.wrapping_add(16))));
    }
}

/// Inode number of the namespace of the device a segment came in on; zero when unknown.
#[inline(always)]
pub(crate) fn netns(skb: Address) -> u32 {
    netns_of(read(skb, |offsets| &offsets.skb_dev))
}

/// Inode number of the namespace a device is in; zero when unknown.
#[inline(always)]
fn netns_of(device: Address) -> u32 {
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

/// The linear part of a buffer from the IP header on.
struct Linear {
    start: Address,
    length: u32,
}

impl Bytes for Linear {
    #[inline(always)]
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "sizes are at most 16"
    )]
    fn at<T: FromBytes>(&self, offset: u32, into: &mut T) -> bool {
        if offset + size_of::<T>() as u32 > self.length {
            return false;
        }
        *into = read_at(self.start.wrapping_add(u64::from(offset)));
        true
    }
}

/// The first bytes of the packet whose IP header is at `ip`; what lies behind a short one is read
/// with it and means nothing.
#[inline(always)]
pub(crate) fn opening(ip: Address) -> Opening {
    read_at(ip)
}

/// Reports a packet that passes a device, if it is a segment to report; `ip` is where its IP header
/// or VLAN tag is.
#[inline(always)]
pub(crate) fn passes(
    program: &impl EbpfContext,
    skb: Address,
    device: Address,
    ip: Address,
    direction: u8,
) {
    let head: Address = read(skb, |offsets| &offsets.skb_head);
    let tail: u32 = read(skb, |offsets| &offsets.skb_tail);
    let data: Address = read(skb, |offsets| &offsets.skb_data);
    let length: u32 = read(skb, |offsets| &offsets.skb_len);
    // Zero when the IP header is not within the buffer at all.
    let within = |end: Address| u32::try_from(end.wrapping_sub(ip)).unwrap_or(0);
    let bytes = Linear {
        start: ip,
        length: within(head.wrapping_add(u64::from(tail))),
    };
    let protocol = read::<u16>(skb, |offsets| &offsets.skb_protocol);
    // The tag's protocol comes first in memory, the tag behind it.
    let [kind_low, kind_high, low, high] = read::<[u8; 4]>(skb, |offsets| &offsets.skb_vlan);
    let tagged = kind_low | kind_high != 0;
    let passing = Passing {
        direction,
        protocol: u16::from_be(protocol),
        vlan: if tagged {
            u16::from_ne_bytes([low, high]) | vlan::TAGGED
        } else {
            0
        },
        length: within(data.wrapping_add(u64::from(length))),
        index: read(device, |offsets| &offsets.dev_index),
        netns: netns_of(device),
    };
    segment::seen(program, &bytes, &passing, |record| {
        record.device = read(device, |offsets| &offsets.dev_name);
        if direction == direction::TRANSMITTED {
            record.cookie = sender(read(skb, |offsets| &offsets.skb_sk));
        }
    });
}

/// The cookie of the connection a segment was sent by; zero for the kernel's own sockets, which
/// answer for nobody, and for stand-ins.
#[inline(always)]
fn sender(sk: Address) -> u64 {
    if sk == 0 || SMALL.contains(&sock::state(sk)) || !sock::is_stream(sk) {
        return 0;
    }
    sock::cookie(sk)
}
