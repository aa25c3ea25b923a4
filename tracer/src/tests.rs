//! Values for tests of several rooms.

use std::num::NonZeroU64;

use crate::model::{
    flow::Flow,
    known::{KnownSocket, Origin},
    state::TcpState,
};

pub(crate) mod arbitrary;

/// A socket without a file, between these ends.
pub(crate) fn known(state: TcpState, (local, remote): (&str, &str)) -> KnownSocket {
    KnownSocket {
        cookie: NonZeroU64::new(7),
        flow: Flow {
            local: local.parse().unwrap(),
            remote: remote.parse().unwrap(),
            netns: Some(1),
        },
        state,
        in_state_ns: None,
        uid: None,
        inode: None,
        receive_queue: 3,
        send_queue: Some(1),
        timer: None,
        traffic: None,
        origin: Origin::SockDiag,
        holders: Vec::new(),
    }
}
