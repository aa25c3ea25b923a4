//! Strategies for what a look at the machine finds.

use std::num::NonZeroU64;

use proptest::{collection, option, prelude::*, sample};

use super::{flow, holder, state, uid};
use crate::model::known::{KnownSocket, Origin, Timer, TimerKind};

/// Any socket that a look can find.
pub(crate) fn known() -> BoxedStrategy<KnownSocket> {
    let timer = (1_u8..=4, any::<u32>(), any::<u8>()).prop_map(|(kind, expires_ms, tries)| Timer {
        kind: TimerKind::from_kernel(kind).unwrap(),
        expires_ms,
        tries,
    });
    let identity = (
        any::<u64>(),
        flow(),
        any::<u32>(),
        sample::select(vec![Origin::SockDiag, Origin::Procfs]),
        collection::vec(holder(), 0..4),
    );
    let condition = (
        state(),
        option::of(1_u64..),
        uid(),
        any::<u32>(),
        option::of(any::<u32>()),
        option::of(timer),
    );
    (identity, condition)
        .prop_map(|(identity, condition)| KnownSocket {
            cookie: NonZeroU64::new(identity.0),
            flow: identity.1,
            inode: NonZeroU64::new(u64::from(identity.2)),
            origin: identity.3,
            holders: identity.4,
            state: condition.0,
            in_state_ns: condition.1,
            uid: condition.2,
            receive_queue: condition.3,
            send_queue: condition.4,
            timer: condition.5,
            traffic: None,
        })
        .boxed()
}
