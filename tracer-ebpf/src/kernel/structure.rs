//! Kernel structures, by what is known of them: an address, or a type the verifier checked.
#![expect(unsafe_code, reason = "a helper is a foreign function")]

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_skc_to_tcp_sock;
use tracer_common::settings::Offsets;
use zerocopy::FromBytes;

use super::{Address, load, read};

/// A structure whose fields can be read; zero for a field this kernel lacks, or that cannot be read.
pub(crate) trait Structure: Copy {
    /// Where it is.
    fn address(self) -> Address;

    /// A field of it: a number.
    fn field<T: FromBytes>(self, field: impl FnOnce(&'static Offsets) -> &'static u16) -> T;

    /// What a field points to; `None` for a null pointer, or of an address nothing: it reads as zeros.
    fn follow(self, field: impl FnOnce(&'static Offsets) -> &'static u16) -> Option<Self>;

    /// A field of sixteen bytes, in two halves.
    fn halves(self, field: impl Fn(&'static Offsets) -> &'static u16) -> [u64; 2];
}

/// By its address alone: a helper reads each field.
impl Structure for Address {
    #[inline(always)]
    fn address(self) -> Address {
        self
    }

    #[inline(always)]
    fn field<T: FromBytes>(self, field: impl FnOnce(&'static Offsets) -> &'static u16) -> T {
        read(self, field)
    }

    /// Always something: a path for each null pointer would be more than the verifier follows.
    #[inline(always)]
    fn follow(self, field: impl FnOnce(&'static Offsets) -> &'static u16) -> Option<Self> {
        Some(read(self, field))
    }

    #[inline(always)]
    fn halves(self, field: impl Fn(&'static Offsets) -> &'static u16) -> [u64; 2] {
        read(self, field)
    }
}

/// A structure of a type the verifier knows: each field is a load of one instruction.
///
/// It is there, so no load of it can fault, and neither can one of what its fields point to, but for null
/// pointers: 5.10 dies of the fault when a load meets one (`search_bpf_extables`).
#[derive(Clone, Copy)]
pub(crate) struct Typed(Address);

impl Typed {
    /// A full TCP socket, of a hook's argument that the verifier knows to be a socket; `None` for a
    /// request, a stand-in of `TIME_WAIT`, or a socket of another protocol, Multipath TCP among them.
    #[inline(always)]
    #[expect(clippy::as_conversions, reason = "a kernel address is a number")]
    pub(crate) fn tcp(sk: *mut c_void) -> Option<Self> {
        // SAFETY: the verifier checked that the argument is a socket.
        let tcp = unsafe { bpf_skc_to_tcp_sock(sk) };
        if tcp.is_null() {
            None
        } else {
            Some(Self(tcp as Address))
        }
    }
}

impl Typed {
    /// What a helper gave, whose type the verifier knows, and which is never null.
    #[inline(always)]
    #[expect(clippy::as_conversions, reason = "a kernel address is a number")]
    pub(super) fn given<T>(structure: *mut T) -> Self {
        Self(structure as Address)
    }
}

impl Structure for Typed {
    #[inline(always)]
    fn address(self) -> Address {
        self.0
    }

    #[inline(always)]
    fn field<T: FromBytes>(self, field: impl FnOnce(&'static Offsets) -> &'static u16) -> T {
        load(self.0, field)
    }

    #[inline(always)]
    fn follow(self, field: impl FnOnce(&'static Offsets) -> &'static u16) -> Option<Self> {
        match self.field(field) {
            0 => None,
            address => Some(Self(address)),
        }
    }

    #[inline(always)]
    fn halves(self, field: impl Fn(&'static Offsets) -> &'static u16) -> [u64; 2] {
        // The verifier admits any part of an array of numbers, which these are.
        [load(self.0, &field), load(self.0.wrapping_add(8), field)]
    }
}
