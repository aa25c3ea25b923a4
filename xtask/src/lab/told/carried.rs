//! What a connection carried, as finrst tells it.

use serde::Deserialize;

/// Bytes of payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Carried {
    /// Acknowledged by the peer.
    pub(crate) sent: Option<u64>,
    /// Received in order.
    pub(crate) received: Option<u64>,
}
