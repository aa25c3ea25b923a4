//! Sockets older than the attach.

use std::{borrow::Cow, net::SocketAddr, num::NonZeroU64};

use serde::{Deserialize, Serialize};

use super::{Unknown, holder};
use crate::model::{
    flow::Flow,
    known::{KnownSocket, Origin, Timer, TimerKind},
    state::TcpState,
};

/// A part of the sockets.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::record) struct Sockets {
    sockets: Vec<Shape>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Shape {
    cookie: Option<NonZeroU64>,
    local: SocketAddr,
    remote: SocketAddr,
    netns: Option<u32>,
    state: Cow<'static, str>,
    in_state_ns: Option<u64>,
    uid: Option<u32>,
    inode: Option<NonZeroU64>,
    receive_queue: u32,
    send_queue: Option<u32>,
    timer: Option<TimerShape>,
    origin: Cow<'static, str>,
    holders: Vec<holder::Shape>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TimerShape {
    kind: Cow<'static, str>,
    expires_ms: u32,
    tries: u8,
}

impl Sockets {
    pub(in crate::record) fn new(sockets: &[KnownSocket]) -> Self {
        Self {
            sockets: sockets.iter().map(Shape::new).collect(),
        }
    }

    pub(in crate::record) fn sockets(&self) -> Result<Vec<KnownSocket>, Unknown> {
        self.sockets.iter().map(Shape::socket).collect()
    }
}

impl Shape {
    fn new(socket: &KnownSocket) -> Self {
        let KnownSocket {
            cookie,
            flow,
            state,
            in_state_ns,
            uid,
            inode,
            receive_queue,
            send_queue,
            timer,
            // Only looks tell it.
            traffic: _,
            origin,
            ref holders,
        } = *socket;
        let shape = |timer: Timer| TimerShape {
            kind: timer.kind.code().into(),
            expires_ms: timer.expires_ms,
            tries: timer.tries,
        };
        Self {
            cookie,
            local: flow.local,
            remote: flow.remote,
            netns: flow.netns,
            state: state.name().into(),
            in_state_ns,
            uid,
            inode,
            receive_queue,
            send_queue,
            timer: timer.map(shape),
            origin: origin.code().into(),
            holders: holders.iter().map(holder::Shape::new).collect(),
        }
    }

    fn socket(&self) -> Result<KnownSocket, Unknown> {
        let flow = Flow {
            local: self.local,
            remote: self.remote,
            netns: self.netns,
        };
        let holders = self.holders.iter().map(holder::Shape::holder);
        Ok(KnownSocket {
            cookie: self.cookie,
            flow,
            state: state(&self.state)?,
            in_state_ns: self.in_state_ns,
            uid: self.uid,
            inode: self.inode,
            receive_queue: self.receive_queue,
            send_queue: self.send_queue,
            timer: self.timer.as_ref().map(timer).transpose()?,
            traffic: None,
            origin: origin(&self.origin)?,
            holders: holders.collect::<Result<_, _>>()?,
        })
    }
}

fn state(name: &str) -> Result<TcpState, Unknown> {
    let mut states = (1..).map_while(TcpState::from_kernel);
    states
        .find(|state| state.name() == name)
        .ok_or_else(|| Unknown::new("TCP state", name))
}

fn origin(code: &str) -> Result<Origin, Unknown> {
    let mut origins = [Origin::SockDiag, Origin::Procfs].into_iter();
    origins
        .find(|origin| origin.code() == code)
        .ok_or_else(|| Unknown::new("origin", code))
}

fn timer(shape: &TimerShape) -> Result<Timer, Unknown> {
    let mut kinds = (1..).map_while(TimerKind::from_kernel);
    let kind = kinds
        .find(|kind| kind.code() == shape.kind)
        .ok_or_else(|| Unknown::new("timer", &shape.kind))?;
    Ok(Timer {
        kind,
        expires_ms: shape.expires_ms,
        tries: shape.tries,
    })
}
