//! Who acted first: by the order of the acts in the kernel, held against that of the segments on the
//! wire.

use super::{
    ending::{Ending, How},
    observation::SegmentFlags,
    state::TcpState,
    wire::{Sighting, WireSegment},
};

/// Who acted first, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct First {
    /// Who it was.
    pub who: Initiator,
    /// How that is known.
    pub proof: Proof,
}

/// Who acted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Initiator {
    /// This host.
    Local,
    /// The peer.
    Remote,
    /// Both, their FINs crossed.
    Both,
}

/// How it is known who acted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// By the order of the acts alone: the wire was not seen, or what was seen decides nothing.
    Acts,
    /// The order is the same in the kernel and on the wire.
    ActsAndWire,
    /// By the wire: no hook saw the act that came first, or none can see that FINs crossed.
    Wire,
    /// By the order of the acts, though segments were seen in another: a FIN waits behind data after
    /// it was queued, and a capture may miss the first copy of one.
    ActsNotWire,
}

impl Proof {
    /// Its name in output.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Acts => "acts",
            Self::ActsAndWire => "acts_and_wire",
            Self::Wire => "wire",
            Self::ActsNotWire => "acts_not_wire",
        }
    }
}

/// The first FIN or RST of each end, as far as they were seen.
struct Firsts<'a> {
    own: Option<&'a WireSegment>,
    peers: Option<&'a WireSegment>,
}

impl Ending {
    /// Who acted first; `None` when nobody did (a timeout).
    #[must_use]
    pub fn first_to_act(&self) -> Option<First> {
        let by_acts = self.first_by_acts()?;
        let firsts = self.firsts();
        // An answer is to what came before it, which need not end anything.
        let answers = self.acts.first().is_some_and(|it| it.provoked_by.is_some());
        let by_wire = firsts.order().filter(|_| !answers);
        let (who, proof) = match (by_acts, by_wire) {
            (acts, None) => (acts, Proof::Acts),
            (acts, Some(wire)) if acts == wire => (acts, Proof::ActsAndWire),
            // What the capture saw of one end alone contradicts nothing.
            (acts, Some(_)) if !firsts.are_both() => (acts, Proof::Acts),
            // Neither FIN acknowledges the other's, and the socket may have met it too late to tell:
            // its own was acknowledged before.
            (Initiator::Local, Some(Initiator::Both)) => (Initiator::Both, Proof::Wire),
            (Initiator::Local, Some(Initiator::Remote)) if !self.acted_before(firsts.peers) => {
                (Initiator::Remote, Proof::Wire)
            }
            (Initiator::Remote, Some(Initiator::Local)) if self.began_with_reset() => {
                (Initiator::Local, Proof::Wire)
            }
            (acts, Some(_)) => (acts, Proof::ActsNotWire),
        };
        Some(First { who, proof })
    }

    /// Who acted first by what the hooks saw.
    fn first_by_acts(&self) -> Option<Initiator> {
        let first = self.acts.first()?;
        let crossed = self
            .states
            .iter()
            .any(|it| it.from == TcpState::FinWait1 && it.to == TcpState::Closing);
        match (first.how, first.state) {
            (How::Timeout, _) => None,
            (How::FinSent | How::FinReceived, _) if crossed => Some(Initiator::Both),
            // Seen only from here on: the state says whose FIN came before.
            (How::FinSent, Some(TcpState::CloseWait)) => Some(Initiator::Remote),
            (How::FinReceived, Some(TcpState::FinWait1 | TcpState::FinWait2))
            | (How::FinSent | How::RstSent | How::Destroyed | How::HeldOpen, _) => {
                Some(Initiator::Local)
            }
            (How::FinReceived | How::RstReceived, _) => Some(Initiator::Remote),
        }
    }

    /// Whether the first act was before the peer's segment was seen anywhere.
    fn acted_before(&self, peers: Option<&WireSegment>) -> bool {
        let seen = peers.and_then(first);
        let act = self.acts.first();
        act.zip(seen).is_some_and(|(act, seen)| act.at < seen.at)
    }

    fn began_with_reset(&self) -> bool {
        let first = self.acts.first();
        first.is_some_and(|act| act.how == How::RstReceived)
    }

    fn firsts(&self) -> Firsts<'_> {
        let ends =
            |it: &&WireSegment| it.flags.has(SegmentFlags::FIN) || it.flags.has(SegmentFlags::RST);
        let of = |sent| {
            let segments = self.segments.iter().flatten();
            let own = segments.filter(ends).filter(|it| it.sent == sent);
            own.min_by_key(|it| first(it).map(|seen| seen.at))
        };
        Firsts {
            own: of(true),
            peers: of(false),
        }
    }
}

impl Firsts<'_> {
    const fn are_both(&self) -> bool {
        self.own.is_some() && self.peers.is_some()
    }

    /// The order on the wire; `None` where it is not to be told.
    fn order(&self) -> Option<Initiator> {
        match (self.own, self.peers) {
            (None, None) => None,
            (Some(_), None) => Some(Initiator::Local),
            (None, Some(_)) => Some(Initiator::Remote),
            (Some(own), Some(peers)) if is_fin(own) && is_fin(peers) => by_numbers(own, peers),
            (Some(own), Some(peers)) => by_time(first(own)?, first(peers)?),
        }
    }
}

/// Of two FINs, the one that acknowledges the other came second (RFC 9293, section 3.6); where
/// neither does, they crossed.
fn by_numbers(own: &WireSegment, peers: &WireSegment) -> Option<Initiator> {
    match (acknowledges(own, peers), acknowledges(peers, own)) {
        (true, false) => Some(Initiator::Remote),
        (false, true) => Some(Initiator::Local),
        (false, false) => Some(Initiator::Both),
        // The first copy of one of them was not seen.
        (true, true) => None,
    }
}

/// Whether a FIN says that the other FIN was received.
fn acknowledges(one: &WireSegment, other: &WireSegment) -> bool {
    let behind = other.seq.wrapping_add(other.payload_bytes).wrapping_add(1);
    one.flags.has(SegmentFlags::ACK) && one.ack.wrapping_sub(behind) < 1 << 31
}

/// An RST need not acknowledge what it answers, so time tells; not within the error of the clocks.
fn by_time(own: &Sighting, peers: &Sighting) -> Option<Initiator> {
    let error = own.error_ns?.saturating_add(peers.error_ns?);
    if peers.at.since(own.at) > error {
        Some(Initiator::Local)
    } else if own.at.since(peers.at) > error {
        Some(Initiator::Remote)
    } else {
        None
    }
}

const fn is_fin(segment: &WireSegment) -> bool {
    !segment.flags.has(SegmentFlags::RST)
}

fn first(segment: &WireSegment) -> Option<&Sighting> {
    segment.sightings.first()
}

#[cfg(test)]
mod tests;
