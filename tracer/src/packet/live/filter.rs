//! The classic BPF program that lets only segments with the wanted flags through.
//!
//! What it cannot decide it lets through as well: user space looks again. Later fragments pass so
//! that they can be counted.

mod assemble;

use crate::model::observation::SegmentFlags;
use assemble::{
    Label::{
        Accept, Extension, FragmentOfTcp, Fragmented, Reject, SecondTag, Tag, Untagged, V4, V6,
        V6Flags, Version,
    },
    Step::{
        self, Add, AddX, And, ByteAtX, Goto, HalfAt, HalfAtX, If, IfAny, Keep, Kept, Mark, Return,
        SetX, ShiftLeft, ToX,
    },
};

/// `SKF_AD_OFF + SKF_AD_PROTOCOL`, `include/uapi/linux/filter.h`: the `EtherType` of the packet.
const PROTOCOL: u32 = 0xffff_f000;

const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
const VLAN: u32 = 0x8100;
const SERVICE_VLAN: u32 = 0x88a8;
const OLD_SERVICE_VLAN: u32 = 0x9100;

const HOP_BY_HOP: u32 = 0;
const TCP: u32 = 6;
const UDP: u32 = 17;
const ROUTING: u32 = 43;
const FRAGMENT: u32 = 44;
const AUTHENTICATION: u32 = 51;
const ICMPV6: u32 = 58;
const DESTINATION: u32 = 60;
const MOBILITY: u32 = 135;
const HOST_IDENTITY: u32 = 139;
const SHIM6: u32 = 140;

/// The program for a socket whose packets begin at the network header (`SOCK_DGRAM`).
pub(super) fn program(syn: bool, kept_bytes: u32) -> Vec<libc::sock_filter> {
    let mut flags = u32::from(SegmentFlags::FIN | SegmentFlags::RST);
    if syn {
        flags |= u32::from(SegmentFlags::SYN);
    }
    let mut steps = WHICH_IP.to_vec();
    steps.extend(v4(flags));
    steps.extend(v6(flags));
    steps.extend([Mark(Accept), Return(kept_bytes), Mark(Reject), Return(0)]);
    assemble::assemble(&steps)
}

/// Leaves the start of the IP header in X.
///
/// Tags a device did not take off stand before it; yet kernels before 6.10 begin a packet that
/// *leaves* through such a device with its IP header, and announce a tag all the same.
const WHICH_IP: &[Step] = &[
    SetX(0),
    HalfAt(PROTOCOL),
    If(IPV4, V4),
    If(IPV6, V6),
    If(VLAN, Tag),
    If(SERVICE_VLAN, Tag),
    If(OLD_SERVICE_VLAN, Tag),
    Goto(Reject),
    Mark(Tag),
    SetX(4),
    HalfAt(2),
    If(IPV4, Version),
    If(IPV6, Version),
    If(VLAN, SecondTag),
    If(SERVICE_VLAN, SecondTag),
    If(OLD_SERVICE_VLAN, SecondTag),
    Goto(Untagged),
    Mark(SecondTag),
    SetX(8),
    HalfAt(6),
    If(IPV4, Version),
    If(IPV6, Version),
    Goto(Untagged),
    Mark(Version),
    ByteAtX(0),
    And(0xf0),
    If(0x40, V4),
    If(0x60, V6),
    Mark(Untagged),
    SetX(0),
    ByteAtX(0),
    And(0xf0),
    If(0x40, V4),
    If(0x60, V6),
    Goto(Reject),
];

fn v4(flags: u32) -> Vec<Step> {
    vec![
        Mark(V4),
        ByteAtX(9),
        Step::Unless(TCP, Reject),
        HalfAtX(6),
        IfAny(0x1fff, Accept),
        ByteAtX(0),
        And(0x0f),
        ShiftLeft(2),
        AddX,
        ToX,
        ByteAtX(13),
        IfAny(flags, Accept),
        Goto(Reject),
    ]
}

/// One extension header is stepped over; behind more of them user space decides.
fn v6(flags: u32) -> Vec<Step> {
    vec![
        Mark(V6),
        ByteAtX(6),
        If(TCP, V6Flags),
        If(HOP_BY_HOP, Extension),
        If(ROUTING, Extension),
        If(DESTINATION, Extension),
        If(FRAGMENT, Fragmented),
        If(AUTHENTICATION, Accept),
        If(MOBILITY, Accept),
        If(HOST_IDENTITY, Accept),
        If(SHIM6, Accept),
        Goto(Reject),
        Mark(Fragmented),
        ByteAtX(40),
        If(TCP, FragmentOfTcp),
        If(UDP, Reject),
        If(ICMPV6, Reject),
        Goto(Accept),
        Mark(FragmentOfTcp),
        HalfAtX(42),
        IfAny(0xfff8, Accept),
        ByteAtX(40 + 8 + 13),
        IfAny(flags, Accept),
        Goto(Reject),
        Mark(Extension),
        ByteAtX(40),
        Keep,
        ByteAtX(41),
        Add(1),
        ShiftLeft(3),
        AddX,
        ToX,
        Kept,
        If(TCP, V6Flags),
        // What else is common behind a hop-by-hop header: group membership reports.
        If(ICMPV6, Reject),
        If(UDP, Reject),
        Goto(Accept),
        Mark(V6Flags),
        ByteAtX(40 + 13),
        IfAny(flags, Accept),
        Goto(Reject),
    ]
}

#[cfg(test)]
mod tests;
