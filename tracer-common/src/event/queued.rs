//! Record: a new connection was queued on one of several listeners of a port.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, record};
use crate::layout::assert_layout;

/// One connection put into the accept queue of a listener with `SO_REUSEPORT`, from
/// `inet_csk_reqsk_queue_add`, `net/ipv4/inet_connection_sock.c`.
///
/// A listener alone on its port is known by that port, so its connections are not reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Queued {
    /// Common header.
    pub header: Header,
    /// Address of the new connection's `struct sock`.
    pub address: u64,
    /// Its cookie; zero when the kernel had not made one yet.
    pub cookie: u64,
    /// Address of the listener's `struct sock`.
    pub listener_address: u64,
    /// The listener's cookie; zero when the kernel had not made one yet.
    pub listener_cookie: u64,
}

assert_layout!(Queued, size = 64, {
    header: 0, address: 32, cookie: 40, listener_address: 48, listener_cookie: 56,
});
record!(Queued);
