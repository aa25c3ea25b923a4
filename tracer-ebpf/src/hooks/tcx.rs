//! Classifiers at both sides of a device, which let every packet pass.

use aya_ebpf::{
    EbpfContext,
    bindings::{__sk_buff, TC_ACT_UNSPEC},
    macros::classifier,
    programs::TcContext,
};
use tracer_common::event::{direction, vlan};
use zerocopy::FromZeros;

use crate::{
    kernel::context::Packet,
    packet::{Glance, Opening, glance},
    segment::{self, Passing},
    settings::setting,
};

#[classifier]
fn segment_tcx_egress(program: TcContext) -> i32 {
    passes(&program, direction::TRANSMITTED)
}

#[classifier]
fn segment_tcx_ingress(program: TcContext) -> i32 {
    passes(&program, direction::RECEIVED)
}

/// Reports a segment to report; whatever it is, other classifiers and the stack go on with it.
#[inline(always)]
fn passes(program: &TcContext, direction: u8) -> i32 {
    let packet = Packet(program.as_ptr().cast::<__sk_buff>());
    let protocol = u16::from_be(low(packet.context().protocol));
    let mut opening = Opening::new_zeroed();
    // Where that does not do, the closer look tells.
    if packet.opening(protocol, &mut opening) && glance(&opening) == Glance::Passes {
        return TC_ACT_UNSPEC;
    }
    let context = packet.context();
    let passing = Passing {
        direction,
        protocol,
        vlan: if context.vlan_present == 0 {
            0
        } else {
            low(context.vlan_tci) | vlan::TAGGED
        },
        length: 0,
        index: context.ifindex,
        netns: setting(|settings| &settings.netns),
    };
    segment::seen(program, &packet, &passing, |_record| {});
    TC_ACT_UNSPEC
}

/// The context widens what has 16 bits.
#[inline(always)]
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the upper half is zero"
)]
fn low(wide: u32) -> u16 {
    wide as u16
}
