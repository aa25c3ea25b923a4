//! Classifiers at both sides of a device, which let every packet pass.

use aya_ebpf::{
    EbpfContext,
    bindings::{__sk_buff, TC_ACT_UNSPEC},
    helpers::generated::bpf_skb_load_bytes_relative,
    macros::classifier,
    programs::TcContext,
};
use tracer_common::event::{direction, vlan};
use zerocopy::{FromBytes, FromZeros};

use crate::{
    packet::{Bytes, Glance, IPV4, IPV6, Opening, glance},
    segment::{self, Passing},
    settings::setting,
};

/// `BPF_HDR_START_NET`, `include/uapi/linux/bpf.h`: offsets count from the IP header.
const FROM_IP: u32 = 1;

#[classifier]
fn segment_tcx_egress(program: TcContext) -> i32 {
    passes(&program, direction::TRANSMITTED)
}

#[classifier]
fn segment_tcx_ingress(program: TcContext) -> i32 {
    passes(&program, direction::RECEIVED)
}

/// A packet behind its classifier's context.
struct Buffer(*mut __sk_buff);

impl Bytes for Buffer {
    #[inline(always)]
    #[expect(unsafe_code, reason = "helpers are foreign functions")]
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "sizes are at most 54"
    )]
    fn at<T: FromBytes>(&self, offset: u32, into: &mut T) -> bool {
        let (into, size): (*mut T, _) = (into, size_of::<T>() as u32);
        // SAFETY: the helper writes `size` bytes, any of which are a value of the type.
        unsafe {
            bpf_skb_load_bytes_relative(self.0.cast(), offset, into.cast(), size, FROM_IP) == 0
        }
    }
}

/// Reports a segment to report; whatever it is, other classifiers and the stack go on with it.
#[inline(always)]
#[expect(unsafe_code, reason = "the context is a structure of the kernel's")]
fn passes(program: &TcContext, direction: u8) -> i32 {
    let buffer = Buffer(program.as_ptr().cast());
    // SAFETY: the verifier knows the context and turns reads of it into reads of the buffer.
    let context = unsafe { &*buffer.0 };
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "16 bits, widened"
    )]
    let protocol = u16::from_be(context.protocol as u16);
    let mut opening = Opening::new_zeroed();
    let glanced = match protocol {
        // Shorter ones are no TCP, or damaged: the closer look tells.
        IPV4 => short(&buffer, &mut opening),
        IPV6 => buffer.at(0, &mut opening),
        _ => false,
    };
    if glanced && glance(&opening) == Glance::Passes {
        return TC_ACT_UNSPEC;
    }
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "a tag has 16 bits"
    )]
    let tag = context.vlan_tci as u16;
    let passing = Passing {
        direction,
        protocol,
        vlan: if context.vlan_present == 0 {
            0
        } else {
            tag | vlan::TAGGED
        },
        length: 0,
        index: context.ifindex,
        netns: setting(|settings| &settings.netns),
    };
    segment::seen(program, &buffer, &passing, |_record| {});
    TC_ACT_UNSPEC
}

/// As far as the flags of TCP right behind IPv4.
#[inline(always)]
fn short(buffer: &Buffer, opening: &mut Opening) -> bool {
    opening
        .first_chunk_mut::<34>()
        .is_some_and(|start| buffer.at(0, start))
}
