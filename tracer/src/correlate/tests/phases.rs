//! How long the phases of an ending took.

use proptest::prelude::*;

use crate::{
    model::{
        ending::{CloseCall, How, Transition},
        observation::{Segment, SegmentFlags},
        state::TcpState,
        time::MonoNs,
        wire::{Sighting, WireSegment},
    },
    tests::arbitrary,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn an_rst_of_a_call_is_timed_from_the_state_change_and_an_answer_from_the_hook(
        mut ending in arbitrary::ending(),
        sighting in arbitrary::sighting(),
    ) {
        prop_assume!(!ending.acts.is_empty());
        ending.acts.truncate(1);
        (ending.acts[0].how, ending.acts[0].at) = (How::RstSent, MonoNs(1_000));
        ending.acts[0].provoked_by = None;
        ending.close_called = Some(CloseCall { at: MonoNs(300), seen: true });
        ending.states = vec![Transition {
            at: MonoNs(400),
            from: TcpState::Established,
            to: TcpState::Close,
        }];
        ending.segments = Some(vec![WireSegment {
            sent: true,
            flags: SegmentFlags(SegmentFlags::RST),
            seq: 0,
            ack: 0,
            payload_bytes: 0,
            kernel: None,
            counted_from: None,
            sightings: vec![Sighting { at: MonoNs(900), ..sighting }],
            retransmits: 0,
            again: Vec::new(),
        }]);
        let phases = ending.phases();
        prop_assert_eq!((phases.close_to_rst, phases.rst_to_wire), (Some(100), Some(500)));
        ending.acts[0].provoked_by = Some(Segment { flags: SegmentFlags(0), seq: 1, ack: 1 });
        let phases = ending.phases();
        prop_assert_eq!((phases.close_to_rst, phases.rst_to_wire), (Some(700), None));
        ending.acts[0].at = MonoNs(800);
        prop_assert_eq!(ending.phases().rst_to_wire, Some(100));
    }
}
