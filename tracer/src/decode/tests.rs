//! Properties of `decode`: it inverts the encoder below, refuses what is no record, never panics.

use proptest::{prelude::*, strategy::ValueTree};
use tracer_common::{
    event::context,
    socket::{known, sock_flag},
    task as wire_task,
};
use zerocopy::IntoBytes;

use super::*;
use crate::{
    model::{
        process::{Comm, Exit},
        socket::Condition,
    },
    tally::kind_of,
    tests::arbitrary,
};

pub(crate) mod encode;

use encode::encode;

/// A record of `kind` with the given body, its header telling the truth about kind and size.
fn record_of(kind: Kind, body: &[u8]) -> Vec<u8> {
    let size = encode::size_of_kind(kind);
    let mut bytes = body.to_vec();
    bytes.resize(size, 0);
    bytes[16..18].copy_from_slice(&kind.to_wire().to_ne_bytes());
    bytes[18..20].copy_from_slice(&u16::try_from(size).unwrap().to_ne_bytes());
    bytes
}

fn kind() -> impl Strategy<Value = Kind> {
    proptest::sample::select(Kind::ALL.to_vec())
}

proptest! {
    #[test]
    fn decode_inverts_encode(observation in arbitrary::observation()) {
        prop_assert_eq!(decode(&encode(&observation)), Ok(observation));
    }

    #[test]
    fn what_decode_reads_survives_another_round(
        kind in kind(),
        body in proptest::collection::vec(any::<u8>(), 256),
    ) {
        if let Ok(observation) = decode(&record_of(kind, &body)) {
            prop_assert_eq!(kind_of(&observation.what), kind);
            prop_assert_eq!(decode(&encode(&observation)), Ok(observation));
        } else {
            // Only a transition can hold something no kernel means, and a stack lengths that lie.
            prop_assert!(matches!(kind, Kind::StateChanged | Kind::Stack));
        }
    }

    #[test]
    fn every_truncation_is_an_error(
        observation in arbitrary::observation(),
        honest in any::<bool>(),
    ) {
        let bytes = encode(&observation);
        for len in 0..bytes.len() {
            let mut short = bytes[..len].to_vec();
            if honest && len >= 20 {
                short[18..20].copy_from_slice(&u16::try_from(len).unwrap().to_ne_bytes());
            }
            prop_assert!(decode(&short).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn every_lengthening_is_an_error(
        observation in arbitrary::observation(),
        more in 1_usize..64,
        honest in any::<bool>(),
    ) {
        let mut bytes = encode(&observation);
        bytes.resize(bytes.len() + more, 0);
        if honest {
            let len = u16::try_from(bytes.len()).unwrap();
            bytes[18..20].copy_from_slice(&len.to_ne_bytes());
        }
        prop_assert!(decode(&bytes).is_err());
    }

    #[test]
    fn a_stack_of_any_lengths_never_panics(
        lengths in any::<[i16; 5]>(),
        body in proptest::collection::vec(any::<u8>(), 88..4096),
    ) {
        let mut bytes = body;
        for (place, length) in (72..82).step_by(2).zip(lengths) {
            bytes[place..place + 2].copy_from_slice(&length.to_ne_bytes());
        }
        let size = u16::try_from(bytes.len()).unwrap();
        bytes[16..18].copy_from_slice(&Kind::Stack.to_wire().to_ne_bytes());
        bytes[18..20].copy_from_slice(&size.to_ne_bytes());
        let _ = decode(&bytes);
        let kept = without_memory(&bytes);
        prop_assert_eq!(decode(&kept).is_ok(), decode(&bytes).is_ok());
    }

    #[test]
    fn what_is_kept_of_a_stack_is_all_but_what_the_program_had(
        observation in arbitrary::observation(),
    ) {
        let bytes = encode(&observation);
        let mut expected = observation;
        if let What::Stack(taken) = &mut expected.what {
            taken.registers.clear();
            taken.memory.clear();
        }
        prop_assert_eq!(decode(&without_memory(&bytes)), Ok(expected));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn a_transition_of_an_unknown_state_is_an_error(
        state in prop_oneof![Just(0_u32), 13_u32..],
        from in any::<bool>(),
    ) {
        let mut bytes = record_of(Kind::StateChanged, &[]);
        bytes[256..260].copy_from_slice(&1_u32.to_ne_bytes());
        bytes[260..264].copy_from_slice(&7_u32.to_ne_bytes());
        let at = if from { 256 } else { 260 };
        bytes[at..at + 4].copy_from_slice(&state.to_ne_bytes());
        prop_assert_eq!(decode(&bytes), Err(DecodeError::State { state }));
    }
}

#[test]
fn every_unknown_kind_is_an_error() {
    // An interpreter has no time for all of them.
    let step = if cfg!(miri) { 4_099 } else { 1 };
    let unknown = |&raw: &u16| Kind::from_wire(raw).is_none();
    for kind in (0..=u16::MAX).step_by(step).filter(unknown) {
        for known in Kind::ALL {
            let mut bytes = record_of(known, &[]);
            bytes[16..18].copy_from_slice(&kind.to_ne_bytes());
            assert_eq!(decode(&bytes), Err(DecodeError::Kind { kind }));
        }
    }
}

#[test]
#[cfg_attr(
    miri,
    ignore = "it is of the strategies, and takes hours when interpreted"
)]
fn the_strategies_reach_every_kind() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let seen: std::collections::HashSet<Kind> = (0..500)
        .map(|_| arbitrary::observation().new_tree(&mut runner).unwrap())
        .map(|tree| kind_of(&tree.current().what))
        .collect();
    assert_eq!(seen.len(), Kind::ALL.len());
}

#[test]
fn a_received_fin_is_not_unread_data() {
    let read = |unread, flags, known| {
        let raw = tracer_common::socket::Condition {
            known,
            unread,
            flags,
            ..Default::default()
        };
        condition(&raw).unread
    };
    let both = known::RECEIVE | known::FLAGS;
    assert_eq!(read(1, sock_flag::DONE, both), Some(0));
    assert_eq!(read(513, sock_flag::DONE, both), Some(512));
    assert_eq!(read(0, sock_flag::DONE, both), Some(0));
    assert_eq!(read(512, 0, both), Some(512));
    assert_eq!(read(512, sock_flag::DONE, known::RECEIVE), Some(512));
    assert_eq!(read(512, sock_flag::DONE, known::FLAGS), None);
}

#[test]
fn what_is_not_known_is_none_whatever_its_bytes_say() {
    let mut raw = tracer_common::socket::Condition::read_from_bytes(&[0xff; 88]).unwrap();
    raw.known = 0;
    assert_eq!(condition(&raw), Condition::default());
}

#[test]
fn a_mapped_address_is_shown_as_ipv4() {
    let mut raw = tracer_common::flow::Flow {
        local_port: 80,
        ..Default::default()
    };
    raw.local = "::ffff:127.0.0.1"
        .parse::<std::net::Ipv6Addr>()
        .unwrap()
        .octets();
    raw.remote = "2001:db8::1"
        .parse::<std::net::Ipv6Addr>()
        .unwrap()
        .octets();
    let flow = flow(&raw);
    assert_eq!(flow.local, "127.0.0.1:80".parse().unwrap());
    assert_eq!(flow.remote, "[2001:db8::1]:0".parse().unwrap());
    assert_eq!(flow.netns, None);
}

#[test]
fn only_a_task_that_acted_is_an_actor() {
    let raw = wire_task::Task::default();
    let in_context = |context| {
        let header = Header {
            context,
            ..Default::default()
        };
        (actor(&header, &raw), actor_without_task(&header))
    };
    let (with, without) = in_context(context::TASK);
    assert!(matches!(with, Actor::Task(_)));
    assert_eq!(without, Actor::Unknown);
    let (with, _) = in_context(context::TASK | context::KTHREAD);
    assert!(matches!(with, Actor::KernelThread(_)));
    for bystander in [0, context::KTHREAD, context::EXITING] {
        let both = in_context(context::SOFTIRQ | bystander);
        assert_eq!(both, (Actor::Softirq, Actor::Softirq));
        assert_eq!(in_context(bystander), (Actor::Unknown, Actor::Unknown));
    }
}

#[test]
fn an_exit_code_is_told_only_of_a_task_that_exits() {
    let exit = |context, exit_code| {
        let header = Header {
            context,
            ..Default::default()
        };
        let raw = wire_task::Task {
            exit_code,
            ..Default::default()
        };
        task(&header, &raw).exit
    };
    assert_eq!(exit(context::TASK, 9), None);
    assert_eq!(exit(context::EXITING, 0), Some(Exit::Status(0)));
    assert_eq!(exit(context::EXITING, 3 << 8), Some(Exit::Status(3)));
    assert_eq!(exit(context::EXITING, 9), Some(Exit::Signal(9)));
    assert_eq!(exit(context::EXITING, 0x8b), Some(Exit::Signal(11)));
}

#[test]
fn no_goroutine_is_goroutine_zero() {
    let goroutine = |goroutine| {
        let raw = wire_task::Task {
            goroutine,
            ..Default::default()
        };
        task(&Header::default(), &raw).goroutine
    };
    assert_eq!(goroutine(0), None);
    assert_eq!(goroutine(18), Some(18));
}

#[test]
fn a_process_without_a_name_goes_by_its_threads() {
    let raw = wire_task::Task {
        comm: *b"worker\0\0\0\0\0\0\0\0\0\0",
        ..Default::default()
    };
    let task = task(&Header::default(), &raw);
    assert_eq!(task.process_comm, Comm(raw.comm));
}

#[test]
fn an_answer_to_a_segment_without_a_socket_names_none() {
    let bytes = record_of(Kind::RstAnswered, &[]);
    let what = decode(&bytes).unwrap().what;
    assert!(matches!(
        what,
        What::RstAnswered {
            socket: None,
            state: None,
            reason: Some(0),
            ..
        }
    ));
}

#[test]
fn the_size_in_the_header_must_be_the_records() {
    let mut header = Header {
        kind: Kind::CloseCalled.to_wire(),
        size: 32,
        ..Default::default()
    };
    let expected = DecodeError::Layout {
        kind: Kind::CloseCalled,
        expected: 240,
        len: 32,
    };
    assert_eq!(decode(header.as_bytes()), Err(expected));
    header.size = 240;
    assert_eq!(
        decode(header.as_bytes()),
        Err(DecodeError::Size { size: 240, len: 32 })
    );
    assert_eq!(decode(&[0; 31]), Err(DecodeError::Truncated { len: 31 }));
}
