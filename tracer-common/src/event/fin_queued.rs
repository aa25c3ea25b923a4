//! Record: the kernel queued a FIN.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Header, record};
use crate::{layout::assert_layout, socket::Socket};

/// The entry of `tcp_send_fin`, `net/ipv4/tcp_output.c`; the FIN may leave much later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct FinQueued {
    /// Common header.
    pub header: Header,
    /// The socket the FIN belongs to.
    pub socket: Socket,
    /// Sequence number the FIN takes (`write_seq`), host byte order.
    pub seq: u32,
    /// Bytes queued before the FIN and not sent yet; zero also when it could not be read.
    pub unsent: u32,
}

assert_layout!(FinQueued, size = 104, { header: 0, socket: 32, seq: 96, unsent: 100 });
record!(FinQueued);
