//! Flows and sockets off the wire: zeroes that mean "unknown" become `None`.

use std::{
    net::{Ipv6Addr, SocketAddr},
    num::NonZeroU64,
};

use tracer_common::{flow as wire_flow, socket as wire};

use crate::model::{
    flow::Flow,
    socket::{Socket, SocketId},
    state::TcpState,
};

/// Reads a socket; a state number no kernel uses is `None`.
pub(super) fn socket(raw: &wire::Socket) -> Socket {
    Socket {
        id: socket_id(raw),
        flow: flow(&raw.flow),
        uid: (raw.uid != u32::MAX).then_some(raw.uid),
        state: TcpState::from_kernel(raw.state),
    }
}

/// Reads what identifies a socket.
pub(super) const fn socket_id(raw: &wire::Socket) -> SocketId {
    named(raw.address, raw.cookie)
}

/// The name of a socket; a cookie of zero means that the kernel had made none.
pub(super) const fn named(address: u64, cookie: u64) -> SocketId {
    SocketId {
        address,
        cookie: NonZeroU64::new(cookie),
    }
}

/// Reads a flow; v4-mapped addresses become the IPv4 addresses they stand for.
pub(super) fn flow(raw: &wire_flow::Flow) -> Flow {
    let end =
        |address: [u8; 16], port| SocketAddr::new(Ipv6Addr::from(address).to_canonical(), port);
    Flow {
        local: end(raw.local, raw.local_port),
        remote: end(raw.remote, raw.remote_port),
        netns: (raw.netns != 0).then_some(raw.netns),
    }
}
