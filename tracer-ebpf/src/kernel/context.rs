//! Packets behind the context of a classifier.

use aya_ebpf::{bindings::__sk_buff, helpers::generated::bpf_skb_load_bytes_relative};
use zerocopy::{FromBytes, FromZeros};

use crate::packet::{Bytes, IPV4, IPV6, Opening};

/// `BPF_HDR_START_NET`, `include/uapi/linux/bpf.h`: offsets count from the IP header.
const FROM_IP: u32 = 1;

/// The bytes of a packet, its linear part alone, from the IP header on.
pub(crate) struct Packet(pub(crate) *mut __sk_buff);

impl Bytes for Packet {
    #[inline(always)]
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "sizes are at most 54"
    )]
    fn at<T: FromBytes>(&self, offset: u32, into: &mut T) -> bool {
        let (packet, size) = (self.0.cast(), size_of::<T>() as u32);
        let into = core::ptr::from_mut(into).cast();
        // SAFETY: the helper writes `size` bytes, any of which are a value of the type.
        unsafe { bpf_skb_load_bytes_relative(packet, offset, into, size, FROM_IP) == 0 }
    }
}

impl Packet {
    /// What the kernel tells of the packet besides its bytes.
    #[inline(always)]
    pub(crate) fn context(&self) -> &__sk_buff {
        // SAFETY: the verifier knows the context and turns reads of it into reads of the buffer.
        unsafe { &*self.0 }
    }

    /// Reads the first bytes of an IP packet, as far as the flags of TCP; false for a packet too
    /// short for that, or of another kind.
    #[inline(always)]
    pub(crate) fn opening(&self, protocol: u16, into: &mut Opening) -> bool {
        *into = Opening::new_zeroed();
        match protocol {
            IPV4 => into
                .first_chunk_mut::<34>()
                .is_some_and(|start| self.at(0, start)),
            IPV6 => self.at(0, into),
            _ => false,
        }
    }
}
