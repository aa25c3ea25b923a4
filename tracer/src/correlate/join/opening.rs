//! Which SYNs are of an ending: those of a connection that never came to be.

use super::super::wire::Sighted;
use crate::model::{
    ending::{Act, Ending},
    observation::SegmentFlags,
    state::TcpState,
};

/// Whether an ending is of a connection that was tried and never came to be, for this end.
pub(super) fn was_tried(ending: &Ending) -> bool {
    let is_shaking = |state: TcpState| {
        matches!(
            state,
            TcpState::SynSent | TcpState::SynRecv | TcpState::NewSynRecv
        )
    };
    let came_to_be = |state: TcpState| state == TcpState::Established;
    let mut states = ending.states.iter();
    let mut acts = ending.acts.iter().filter_map(|act| act.state);
    let failed = acts.any(is_shaking) || states.clone().any(|it| is_shaking(it.from));
    failed && !states.any(|it| came_to_be(it.from) || came_to_be(it.to))
}

/// The handshake that a segment was to complete, by the numbers of both ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handshake {
    /// After the SYN.
    asked: u32,
    /// After the SYN that agreed to it.
    agreed: u32,
}

/// The handshake that the segment was to complete which an act answered; `None` for any other.
pub(super) fn completed_by(act: Option<&Act>) -> Option<Handshake> {
    let act = act?;
    let completes = matches!(
        act.state?,
        TcpState::Listen | TcpState::SynRecv | TcpState::NewSynRecv
    );
    let segment = act.provoked_by.filter(|_| completes)?;
    let acknowledges = segment.flags.has(SegmentFlags::ACK) && !segment.flags.opens();
    acknowledges.then_some(Handshake {
        asked: segment.seq,
        agreed: segment.ack,
    })
}

impl Handshake {
    /// Whether a segment of the peer's is the SYN.
    pub(super) fn asked(self, it: &Sighted) -> bool {
        it.opens() && it.sighting.headers.next_seq() == self.asked
    }

    /// Whether a segment of this end's agreed to it.
    pub(super) fn agreed(self, it: &Sighted) -> bool {
        it.opens() && it.sighting.headers.next_seq() == self.agreed
    }
}
