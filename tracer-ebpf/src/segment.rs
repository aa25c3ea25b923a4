//! Reports a FIN, RST or SYN that passes a device: what both captures share.

use aya_ebpf::EbpfContext;
use tracer_common::{
    count,
    event::{SegmentSeen, context, direction, vlan},
    flow::Flow,
};
use zerocopy::{FromBytes, FromZeros, transmute};

use crate::{
    emit::{Lane, bare_header, emit},
    filter,
    kernel::sock::v4_mapped,
    maps,
    packet::{Bytes, Found, MARKS, Place, SYN, tcp, untag},
    settings::setting,
};

/// Nanoseconds, as a power of two, of a period: about 8 ms.
const PERIOD: u64 = 23;
/// SYNs reported of a period on one CPU at the most, some 60,000 a second: what they take of a buffer
/// leaves room for everything else in it.
const SYNS: u64 = 512;

/// The fixed part of a TCP header, as on the wire (RFC 9293, section 3.1).
#[derive(FromBytes)]
#[repr(C)]
struct TcpHeader {
    source: [u8; 2],
    destination: [u8; 2],
    seq: [u8; 4],
    ack: [u8; 4],
    offset: u8,
    flags: u8,
    window: [u8; 2],
}

/// What a capture knows of a packet besides its bytes.
#[derive(Clone, Copy)]
pub(crate) struct Passing {
    /// One of `tracer_common::event::direction`.
    pub(crate) direction: u8,
    /// Its Ethernet type.
    pub(crate) protocol: u16,
    /// Tag and [`vlan::TAGGED`] of the VLAN the kernel took off it; zero for none.
    pub(crate) vlan: u16,
    /// Bytes from the start of IP, or of what is before it, to the end; zero when not known.
    pub(crate) length: u32,
    /// The device's index.
    pub(crate) index: u32,
    /// The device's namespace.
    pub(crate) netns: u32,
}

/// A record of a packet if it is a segment that begins or ends a connection and is wanted; `record` is what
/// only some captures fill, and counted is what cannot be read.
#[inline(always)]
pub(crate) fn seen(
    program: &impl EbpfContext,
    bytes: &impl Bytes,
    passing: &Passing,
    describe: impl FnOnce(&mut SegmentSeen),
) {
    if !device_wanted(passing) {
        return;
    }
    let mut place = Place {
        ip: 0,
        tcp: 0,
        end: 0,
        tag: 0,
        v6: false,
    };
    let tagged = passing.direction == direction::RECEIVED;
    let protocol = untag(bytes, passing.protocol, tagged, &mut place);
    let mut header = TcpHeader::new_zeroed();
    match tcp(bytes, protocol, &mut place) {
        Found::Nothing => return,
        Found::Tcp if bytes.at(place.tcp, &mut header) => {}
        Found::Tcp | Found::Unreadable => return unreadable(),
    }
    if header.flags & MARKS == 0 {
        return;
    }
    let mut record = SegmentSeen::new_zeroed();
    flow(bytes, &place, &header, &mut record.flow);
    record.flow.netns = passing.netns;
    if !filter::segment(&record.flow) {
        return;
    }
    let end = if place.end == 0 {
        passing.length
    } else {
        place.end
    };
    let start = place.tcp + u32::from(header.offset >> 4) * 4;
    record.header = bare_header::<SegmentSeen>(context::SOFTIRQ);
    if header.flags & SYN != 0 && !opening_wanted(record.header.at_ns) {
        return;
    }
    record.index = passing.index;
    record.seq = u32::from_be_bytes(header.seq);
    record.ack = u32::from_be_bytes(header.ack);
    record.payload_bytes = end.saturating_sub(start);
    record.window = u16::from_be_bytes(header.window);
    record.vlan = match (passing.vlan, place.tag) {
        (0, 0) => 0,
        (0, tag) | (tag, _) => tag & vlan::ID | vlan::TAGGED,
    };
    record.flags = header.flags;
    record.direction = passing.direction;
    describe(&mut record);
    emit(program, Lane::States, &mut record);
}

/// Whether the device is the one asked for, if one was.
#[inline(always)]
fn device_wanted(passing: &Passing) -> bool {
    let only = setting(|settings| &settings.device);
    only == 0 || only == passing.index && setting(|settings| &settings.netns) == passing.netns
}

/// Whether there is room for one more SYN in this period; counts it where there is not, so that a
/// flood of them costs no ending its records.
#[inline(always)]
fn opening_wanted(at_ns: u64) -> bool {
    let wanted = maps::opening(at_ns >> PERIOD) < SYNS;
    if !wanted && let Some(counts) = maps::counts() {
        maps::count(counts, count::SYNS_LEFT_OUT);
    }
    wanted
}

/// Counts a segment whose header cannot be read.
#[inline(always)]
fn unreadable() {
    if let Some(counts) = maps::counts() {
        maps::count(counts, count::UNREADABLE);
    }
}

/// Both ends, the sender's first.
#[inline(always)]
fn flow(bytes: &impl Bytes, place: &Place, header: &TcpHeader, flow: &mut Flow) {
    flow.local_port = u16::from_be_bytes(header.source);
    flow.remote_port = u16::from_be_bytes(header.destination);
    if place.v6 {
        bytes.at(place.ip + 8, &mut flow.local);
        bytes.at(place.ip + 24, &mut flow.remote);
    } else {
        let (mut source, mut destination) = (0, 0);
        bytes.at(place.ip + 12, &mut source);
        bytes.at(place.ip + 16, &mut destination);
        flow.local = transmute!(v4_mapped(source));
        flow.remote = transmute!(v4_mapped(destination));
    }
}
