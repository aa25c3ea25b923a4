//! Whose act came first, in the kernel and on the wire.

use proptest::prelude::*;

use super::{First, Initiator, Proof};
use crate::{
    model::{
        ending::{Act, Ending, How, Transition},
        observation::{Segment, SegmentFlags},
        state::TcpState,
        time::MonoNs,
        wire::{Sighting, WireSegment},
    },
    tests::arbitrary,
};

const FIN: u8 = SegmentFlags::FIN | SegmentFlags::ACK;
const RST: u8 = SegmentFlags::RST;

/// What happened to a connection, each at its time.
#[derive(Clone, Debug, Default)]
struct Story {
    acts: Vec<(u64, How, Option<TcpState>)>,
    crossed: bool,
    /// When, whether this end sent it, flags, and its number and what it acknowledges.
    segments: Vec<(u64, bool, u8, (u32, u32))>,
}

/// A FIN of our number 100, and one of the peer's number 500.
const OURS: (u32, u32) = (100, 500);
const OURS_LATER: (u32, u32) = (100, 501);
const PEERS: (u32, u32) = (500, 100);
const PEERS_LATER: (u32, u32) = (500, 101);

impl Story {
    /// The story as an ending; what it does not say is as given.
    fn ending(&self, ending: &Ending, sighting: &Sighting) -> Ending {
        let act = &ending.acts[0];
        let acts = self.acts.iter().map(|&(at, how, state)| Act {
            at: MonoNs(at),
            how,
            state,
            provoked_by: None,
            ..act.clone()
        });
        let crossed = self.crossed.then_some(Transition {
            at: MonoNs(1),
            from: TcpState::FinWait1,
            to: TcpState::Closing,
        });
        let segments = self.segments.iter();
        let segments = segments.map(|&(at, sent, flags, (seq, ack))| WireSegment {
            sent,
            flags: SegmentFlags(flags),
            seq,
            ack,
            payload_bytes: 0,
            kernel: None,
            counted_from: None,
            sightings: vec![Sighting {
                at: MonoNs(at),
                error_ns: Some(10),
                ..*sighting
            }],
            retransmits: 0,
            again: Vec::new(),
        });
        Ending {
            acts: acts.collect(),
            states: crossed.into_iter().collect(),
            segments: Some(segments.collect()),
            ..ending.clone()
        }
    }

    /// The same segments as the other end has them.
    fn mirrored(&self) -> Self {
        let mut other = self.clone();
        for segment in &mut other.segments {
            segment.1 = !segment.1;
        }
        other
    }
}

/// A story, with what is to be said of it.
type Told = (&'static str, Story, Initiator, Proof);

fn closed(at: u64) -> (u64, How, Option<TcpState>) {
    (at, How::FinSent, Some(TcpState::Established))
}

fn heard(at: u64) -> (u64, How, Option<TcpState>) {
    (at, How::FinReceived, Some(TcpState::Established))
}

fn story(acts: &[(u64, How, Option<TcpState>)], segments: &[(u64, bool, u8, (u32, u32))]) -> Story {
    Story {
        acts: acts.to_vec(),
        crossed: false,
        segments: segments.to_vec(),
    }
}

fn crossing(segments: &[(u64, bool, u8, (u32, u32))]) -> Story {
    Story {
        crossed: true,
        ..story(&[closed(1_000), heard(2_000)], segments)
    }
}

/// Kernel and wire agree.
fn agreeing() -> Vec<Told> {
    let told = |name, story, who| (name, story, who, Proof::ActsAndWire);
    vec![
        told(
            "the peer's FIN acknowledges ours",
            story(
                &[closed(1_000), heard(2_000)],
                &[(1_100, true, FIN, OURS), (1_900, false, FIN, PEERS_LATER)],
            ),
            Initiator::Local,
        ),
        told(
            "ours acknowledges the peer's, whenever the two were seen",
            story(
                &[heard(1_000), closed(1_001)],
                &[(1_005, false, FIN, PEERS), (1_004, true, FIN, OURS_LATER)],
            ),
            Initiator::Remote,
        ),
        told(
            "the FINs crossed and the socket saw it",
            crossing(&[(1_100, true, FIN, OURS), (1_900, false, FIN, PEERS)]),
            Initiator::Both,
        ),
        told(
            "a reset alone",
            story(
                &[(1_000, How::RstReceived, None)],
                &[(900, false, RST, (500, 0))],
            ),
            Initiator::Remote,
        ),
    ]
}

/// The wire knows better.
fn by_wire() -> Vec<Told> {
    let told = |name, story, who| (name, story, who, Proof::Wire);
    vec![
        told(
            "the FINs crossed, and the peer's came again when ours was acknowledged",
            story(
                &[closed(1_000), heard(9_000)],
                &[(1_100, true, FIN, OURS), (1_050, false, FIN, PEERS)],
            ),
            Initiator::Both,
        ),
        told(
            "no hook saw the peer's FIN, which ours acknowledges",
            story(
                &[(1_000, How::FinSent, None)],
                &[(900, false, FIN, PEERS), (1_100, true, FIN, OURS_LATER)],
            ),
            Initiator::Remote,
        ),
        told(
            "no hook saw our FIN, which left before the reset came",
            story(
                &[(2_000, How::RstReceived, None)],
                &[(1_000, true, FIN, OURS), (1_900, false, RST, (500, 0))],
            ),
            Initiator::Local,
        ),
    ]
}

/// The acts know better, or alone.
fn by_acts() -> Vec<Told> {
    vec![
        (
            "our FIN waited behind data until the peer's had come",
            crossing(&[(1_900, false, FIN, PEERS), (8_000, true, FIN, OURS_LATER)]),
            Initiator::Both,
            Proof::ActsNotWire,
        ),
        (
            "the capture has the second copy of the peer's FIN alone",
            story(
                &[heard(1_000), closed(2_000)],
                &[(2_100, true, FIN, OURS), (2_900, false, FIN, PEERS_LATER)],
            ),
            Initiator::Remote,
            Proof::ActsNotWire,
        ),
        (
            "what is within the error of the clocks decides nothing",
            story(
                &[(2_000, How::RstReceived, None)],
                &[(1_890, true, FIN, OURS), (1_900, false, RST, (500, 0))],
            ),
            Initiator::Remote,
            Proof::Acts,
        ),
        (
            "of the peer's segments none was captured",
            story(
                &[heard(1_000), closed(2_000)],
                &[(2_100, true, FIN, OURS_LATER)],
            ),
            Initiator::Remote,
            Proof::Acts,
        ),
        (
            "nothing was captured",
            story(&[closed(1_000)], &[]),
            Initiator::Local,
            Proof::Acts,
        ),
    ]
}

fn stories() -> Vec<Told> {
    [agreeing(), by_wire(), by_acts()].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_order_of_acts_is_held_against_that_of_segments(
        ending in arbitrary::ending(),
        sighting in arbitrary::sighting(),
    ) {
        for (name, story, who, proof) in stories() {
            let told = story.ending(&ending, &sighting).first_to_act();
            prop_assert_eq!(told, Some(First { who, proof }), "{}", name);
        }
    }

    #[test]
    fn the_two_ends_tell_one_order_of_the_wire(
        ending in arbitrary::ending(),
        sighting in arbitrary::sighting(),
    ) {
        for (name, story, _, _) in stories() {
            let one = story.ending(&ending, &sighting).firsts().order();
            let other = story.mirrored().ending(&ending, &sighting).firsts().order();
            let mirrored = other.map(|it| match it {
                Initiator::Local => Initiator::Remote,
                Initiator::Remote => Initiator::Local,
                Initiator::Both => Initiator::Both,
            });
            prop_assert_eq!(one, mirrored, "{}", name);
        }
    }

    #[test]
    fn the_numbers_of_fins_may_wrap(
        ending in arbitrary::ending(),
        sighting in arbitrary::sighting(),
        by in any::<u32>(),
        bytes in 0_u32..100_000,
    ) {
        for (name, story, who, proof) in stories() {
            let mut ending = story.ending(&ending, &sighting);
            for segment in ending.segments.iter_mut().flatten() {
                segment.seq = segment.seq.wrapping_add(by).wrapping_sub(bytes);
                segment.ack = segment.ack.wrapping_add(by);
                segment.payload_bytes = bytes;
            }
            prop_assert_eq!(ending.first_to_act(), Some(First { who, proof }), "{}", name);
        }
    }

    #[test]
    fn nobody_began_what_timed_out_and_an_answer_is_no_beginning_of_the_wire(
        ending in arbitrary::ending(),
        sighting in arbitrary::sighting(),
    ) {
        let segments = vec![(900, false, FIN, PEERS), (1_100, true, RST, (100, 0))];
        let acts = vec![(1_000, How::Timeout, None)];
        let mut story = Story { acts, segments, crossed: false };
        prop_assert_eq!(story.ending(&ending, &sighting).first_to_act(), None);
        story.acts[0].1 = How::RstSent;
        let mut answer = story.ending(&ending, &sighting);
        let (who, proof) = (Initiator::Remote, Proof::Wire);
        prop_assert_eq!(answer.first_to_act(), Some(First { who, proof }));
        answer.acts[0].provoked_by = Some(Segment { flags: SegmentFlags(FIN), seq: 500, ack: 100 });
        let (who, proof) = (Initiator::Local, Proof::Acts);
        prop_assert_eq!(answer.first_to_act(), Some(First { who, proof }));
    }
}
