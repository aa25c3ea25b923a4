//! The shape of a `socket` line.

use std::num::NonZeroU64;

use serde::Serialize;

use super::{
    Connection, Each, Hex, connection,
    holding::{Holder, holder},
};
use crate::{
    model::{
        foreign::Foreign,
        holder::Holder as ModelHolder,
        known::{KnownSocket, Timer as ModelTimer},
    },
    render::words,
};

/// Body of a `socket` line.
#[derive(Serialize)]
struct Socket<'a> {
    connection: Connection<'a, &'static str>,
    state: &'static str,
    age: Option<Age>,
    inode: Option<u64>,
    receive_queue: u32,
    send_queue: Option<u32>,
    timer: Option<Timer>,
    holders: Option<Holders<'a>>,
    provenance: &'static str,
    confidence: Option<&'static str>,
}

/// How long a socket has been in its state.
#[derive(Serialize)]
struct Age {
    at_least_ns: u64,
}

#[derive(Serialize)]
struct Timer {
    kind: &'static str,
    expires_ms: u32,
    tries: u8,
}

/// The descriptors that refer to a socket.
type Holders<'a> = Each<'a, ModelHolder, Holder>;

pub(in crate::render) fn socket<'a>(
    known: &'a KnownSocket,
    netns_name: Option<&'a Foreign>,
) -> impl Serialize {
    let mut connection = connection(None, (None, None), None, &known.flow, netns_name, known.uid);
    connection.cookie = known.cookie.map(Hex);
    // What is held by somebody we do not see has not no holders: they are not known.
    let seen = !known.holders.is_empty() || !known.is_held();
    Socket {
        connection,
        state: known.state.name(),
        age: known.in_state_ns.map(|at_least_ns| Age { at_least_ns }),
        inode: known.inode.map(NonZeroU64::get),
        receive_queue: known.receive_queue,
        send_queue: known.send_queue,
        timer: known.timer.map(timer),
        holders: seen.then_some(Each {
            items: &known.holders,
            shape: holder,
        }),
        provenance: known.origin.code(),
        confidence: known.confidence().map(words::confidence),
    }
}

const fn timer(timer: ModelTimer) -> Timer {
    Timer {
        kind: timer.kind.code(),
        expires_ms: timer.expires_ms,
        tries: timer.tries,
    }
}
